/** serve and login: the service of one machine, and the way into it for a browser. */
import { readFile } from 'node:fs/promises';
import { closed, PawlError } from '../../engine/index.ts';
import { assertAllowRead } from '../deps.ts';
import { exits } from '../exits.ts';
import { drawToken } from '../localToken.ts';
import { reachOfCells, sweepOfCells } from '../reach.ts';
import type { ServerOptions } from '../serve/index.ts';
import { createService } from '../service.ts';
import type { Answer, Session } from '../session.ts';
import { readServing } from '../settings.ts';
import { type AddCommands, portNumber, withCellsAs, withDraining, withExamples } from './common.ts';

const portDefault = 3000;

type Options = {
  port: number;
  listen: string;
  drain: number;
  concurrency: number;
  tlsCert?: string;
  tlsKey?: string;
  behindProxy?: true;
  cellsAs?: string;
};

const refuse = (message: string): never => {
  throw new PawlError('request.invalid', message);
};

const isLoopback = (host: string): boolean => /^(127(\.\d+){3}|localhost|::1)$/.test(host);

const tlsOf = async ({ tlsCert, tlsKey }: Options): Promise<ServerOptions['tls']> => {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined)
    return refuse('--tls-cert and --tls-key belong together: give both.');
  const read = (file: string): Promise<string> =>
    readFile(file, 'utf8').catch((error: Error) => refuse(closed(`${file} cannot be read: ${error.message}`)));
  return { cert: await read(tlsCert), key: await read(tlsKey) };
};

const assertSafe = ({ listen: host, behindProxy }: Options, tls: ServerOptions['tls']): void => {
  if (isLoopback(host) || tls !== undefined || behindProxy) return;
  refuse(
    `--listen ${host} reaches beyond this machine, and the token would travel in the clear: give --tls-cert and --tls-key, or --behind-proxy if something before it speaks TLS.`,
  );
};

const assertOwnStore = ({ settings }: Session): void => {
  if (settings.service !== null)
    refuse('`pawl serve` is a service of its own: leave --url, PAWL_URL and contexts out; --data names its store.');
  if (settings.store.kind === 'aws')
    refuse('`pawl serve` works on a store of this machine; tables on AWS have the deployed service: unset PAWL_STORE.');
};

const serve = async (session: Session, options: Options): Promise<Answer> => {
  const { screen, interruption } = session;
  const deployment = { ...session.settings.deployment };
  const settings = { ...session.settings, deployment, cellsAs: options.cellsAs ?? session.settings.cellsAs };
  assertOwnStore(session);
  const tls = await tlsOf(options);
  assertSafe(options, tls);
  await assertAllowRead(settings);
  const { token: named } = readServing();
  const { createGuard, drain, listen, openService, startBeating } = await import('../serve/index.ts');
  const service = await openService(settings, options.concurrency);
  const say = (text: string): void => screen.print(text);
  try {
    const token = drawToken(settings.dataDir, named);
    for (const line of await sweepOfCells()) say(line);
    if (settings.cellsAs !== undefined) for (const line of await reachOfCells(settings)) say(line);
    const { api, isLeaving } = service;
    // A proxy on this machine hands on the name by which others know it.
    const isPublic = !isLoopback(options.listen) || options.behindProxy === true;
    const isTls = tls !== undefined;
    const guard = (port: number) => createGuard({ token, port, isPublic, isTls });
    const server = await listen({
      host: options.listen,
      port: options.port,
      ...(tls === undefined ? {} : { tls }),
      guard,
      api,
      isLeaving,
    });
    const host = options.listen.includes(':') ? `[${options.listen}]` : options.listen;
    const url = `${tls === undefined ? 'http' : 'https'}://${host}:${server.port}`;
    // Its port may have been drawn just now, and no cell has run yet.
    deployment.url ??= url;
    service.begin();
    const stopBeating = startBeating(service);
    const { close } = server;
    const ended = drain({ screen, interruption, runtime: service, drainSeconds: options.drain, close });
    const { at } = await session.store();
    say(
      `Pawl is ready at ${url} (store: ${at}; Ctrl-C ends it). Try: \`pawl new hello\`, then \`pawl --url ${url} run hello.md\``,
    );
    if (!isPublic) {
      const code = server.guard.makeCode(settings.by.actor, settings.groups.join(','));
      say(`Browser, once, within five minutes: ${url}/login?code=${code}`);
    }
    const { exit, stopped } = await ended();
    await stopBeating();
    return { exit, document: { url, stopped } };
  } finally {
    service.close();
  }
};

const login = async ({ screen, settings }: Session): Promise<Answer> => {
  const { service } = settings;
  if (service === null) return refuse('`pawl login` makes a link to a service: name it by --url or PAWL_URL.');
  const { body } = await createService(service).call({ method: 'POST', path: ['login'] });
  type Made = { path?: string; actor?: string; groups?: string; validForMs?: number };
  const { path, actor, groups = '', validForMs } = (body ?? {}) as Made;
  if (path === undefined || actor === undefined || validForMs === undefined)
    return refuse(
      `What answers at ${service.url.origin} knows no login links: \`pawl serve\` and \`npm run dev\` make them.`,
    );
  const link = new URL(path, service.url).href;
  screen.print(link);
  const inGroups = groups === '' ? '' : `, in the groups ${groups}`;
  screen.print(`Logs a browser in as ${actor}${inGroups}: once, within ${validForMs / 60_000} minutes.`);
  return { exit: exits.done, document: { link, actor, groups, validForMs } };
};

export const addServing: AddCommands = (program, run) => {
  const serving = program.command('serve');
  serving.description(
    'Serves the HTTP API, looks after what is due, wakes what waits, and runs cells: the whole service, in this process.\nEvery request needs the token of the data folder, which `pawl --url` finds. On SIGTERM nothing new begins, what runs\ngoes on to its end, or --drain seconds; a second SIGTERM stops it at once.',
  );
  serving
    .option('--port <port>', 'port of the HTTP API; 0 is any free one', portNumber, portDefault)
    .option('--listen <address>', 'address to listen on', '127.0.0.1')
    .option('--tls-cert <file>', 'certificate, PEM: serves https')
    .option('--tls-key <file>', 'its private key, PEM')
    .option('--behind-proxy', 'listen beyond this machine without TLS, since a proxy before it speaks it');
  withCellsAs(withDraining(serving));
  withExamples(serving, 'pawl serve', 'pawl serve --port 8080 --data /var/lib/pawl').action(run(serve));

  const logging = program.command('login');
  logging.description('Prints a link by which a browser logs in to a service of this machine. It is good once.');
  withExamples(logging, 'pawl --url http://127.0.0.1:3000 login').action(run(login));
};
