/** worker and workers: a process that runs what belongs to a place, and who is where. */
import { PawlError } from '../../engine/index.ts';
import { assertAllowRead } from '../deps.ts';
import { exits } from '../exits.ts';
import { plural } from '../format.ts';
import { storeAt } from '../nothing.ts';
import { reachOfCells, sweepOfCells } from '../reach.ts';
import type { Answer, Session } from '../session.ts';
import { homeOf, placeNamed, readServing } from '../settings.ts';
import { workerRows } from '../workers.ts';
import { type AddCommands, withCellsAs, withDraining, withExamples } from './common.ts';

type Options = { at: string; drain: number; concurrency: number; cellsAs?: string };

const assertTables = ({ settings }: Session): void => {
  if (settings.service === null) return;
  const message =
    '`pawl worker` works on the tables themselves, which a service does not hand out: leave --url, PAWL_URL and contexts of services out. --data names a folder, PAWL_STORE=aws tables on AWS.';
  throw new PawlError('request.invalid', message);
};

const work = async (session: Session, options: Options): Promise<Answer> => {
  const { screen, interruption } = session;
  assertTables(session);
  const place = placeNamed(options.at, '--at');
  const settings = { ...session.settings, place, cellsAs: options.cellsAs ?? session.settings.cellsAs };
  await assertAllowRead(settings);
  readServing();
  const { startWorker } = await import('../worker/index.ts');
  const worker = await startWorker(settings, options.concurrency);
  const say = (text: string): void => screen.print(text);
  try {
    const { runtime } = worker;
    // The store is there by now, so what cells can reach of it is looked at as it is.
    const reach = await reachOfCells(settings);
    const ended = worker.drain({ screen, interruption, drainSeconds: options.drain });
    const { at } = await session.store();
    const also = place === homeOf(settings.store) ? ', and the schedule' : '';
    // The line that it works comes last: whoever waits for it has read the rest.
    for (const line of [...(await sweepOfCells()), ...reach]) say(line);
    say(
      `Pawl works at ${place}${also} (store: ${at}; ${plural(options.concurrency, 'instance')} at once; Ctrl-C ends it).`,
    );
    runtime.begin();
    const { exit, stopped } = await ended();
    return { exit, document: { place, stopped } };
  } finally {
    worker.close();
  }
};

const list = async (session: Session, { place }: { place?: string }): Promise<Answer> => {
  const { screen, client } = session;
  const found = await client.workers({ query: place === undefined ? {} : { place } });
  const rows = workerRows(found);
  if (rows.length > 0) screen.table(['place', 'worker', 'seen', 'at work', 'pawl', 'lacks'], rows);
  else
    screen.print(
      place === undefined
        ? 'No worker was ever seen. `pawl worker --at NAME` begins one; `pawl serve` is one too.'
        : `No worker was ever seen at ${place}: \`pawl worker --at ${place}\` on a machine there begins one.`,
    );
  return { exit: exits.done, document: { ...found, ...(await storeAt(session)) } };
};

export const addWorkers: AddCommands = (program, run) => {
  const working = program.command('worker');
  working.description(
    'Runs what belongs to a place, on the tables themselves: a folder of this machine, or DynamoDB. No port is opened. On SIGTERM\nnothing new begins, what runs goes on to its end, or --drain seconds; a second SIGTERM stops it at once. What it lacks\nprograms or variables for is left to other workers of the place.',
  );
  working.requiredOption('--at <place>', 'where its cells run, as `at=` of a cell or of a document says it');
  withCellsAs(withDraining(working));
  withExamples(
    working,
    'pawl worker --at bastion --data /var/lib/pawl',
    'PAWL_STORE=aws PAWL_TABLES=pawl-prod pawl worker --at bastion --concurrency 4 --cells-as pawl-cells',
  ).action(run(work));

  const listing = program.command('workers');
  listing.description(
    'Lists workers, `pawl serve` among them: where, since when, what they are at, and when each was seen last. The functions\non AWS are the place lambda, and not among them: their schedule is watched by alarms.',
  );
  listing.option('--place <name>', 'only at this place');
  withExamples(listing, 'pawl workers', 'pawl workers --place bastion --json').action(run(list));
};
