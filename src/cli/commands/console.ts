/** console: the page of a service elsewhere, on this machine, with this person's credentials. */
import { randomBytes } from 'node:crypto';
import { PawlError } from '../../engine/index.ts';
import { exits } from '../exits.ts';
import { createService } from '../service.ts';
import type { Answer, Session } from '../session.ts';
import { type AddCommands, portNumber, withExamples } from './common.ts';

/** Beside that of `pawl serve`, so that both can be there. */
const portDefault = 3001;
const host = '127.0.0.1';

const show = async (
  { screen, settings, client, interruption }: Session,
  { port }: { port: number },
): Promise<Answer> => {
  const { service } = settings;
  if (service === null)
    throw new PawlError(
      'request.invalid',
      '`pawl console` shows the page of a service elsewhere: name it by --url, PAWL_URL or a context. `pawl serve` shows that of the store on this machine.',
    );
  // What is wrong with the address or the credentials is said here, and not by a page.
  await client.listRunbooks({ query: { limit: 1 } });
  const { createGuard, forwardTo, listen, whoAsks } = await import('../serve/index.ts');
  const actor = await whoAsks(service);
  // Nobody gets to know it, so the login link is the only way in, and a login ends with this process.
  const token = randomBytes(24).toString('hex');
  let isLeaving = false;
  const server = await listen({
    command: 'pawl console',
    host,
    port,
    guard: (own) => createGuard({ token, port: own }),
    api: forwardTo(createService(service)),
    isLeaving: () => isLeaving,
  });
  const url = `http://${host}:${server.port}`;
  const ended = Promise.withResolvers<void>();
  interruption.handOver((times) => {
    isLeaving = true;
    if (times === 2) ended.resolve();
    else void server.close().then(() => ended.resolve());
  });
  screen.print(`The console of ${service.url.origin} is at ${url}/console, and asks as ${actor} (Ctrl-C ends it).`);
  screen.print(`Browser, once, within five minutes: ${url}/login?code=${server.guard.makeCode(actor)}`);
  await ended.promise;
  return { exit: exits.done, document: { url, service: service.url.origin, actor } };
};

export const addConsole: AddCommands = (program, run) => {
  const showing = program.command('console');
  showing.description(
    'Shows the page of a service elsewhere on a port of this machine, and asks the service as every command does: signed with\nthe credentials of AWS that this shell has, or with PAWL_TOKEN. The browser gets neither: it logs in by the link that is\nprinted. Whoever uses that page acts as you, so keep the link to yourself. Ctrl-C ends it, and with it the login.',
  );
  showing.option('--port <port>', 'port of the page; 0 is any free one', portNumber, portDefault);
  withExamples(
    showing,
    'pawl --url https://abc123.execute-api.eu-central-1.amazonaws.com console',
    'pawl --context prod console --port 8081',
  ).action(run(show));
};
