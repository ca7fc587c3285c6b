/** list: finding instances. It changes nothing. */
import { Option } from 'commander';
import type { CallOf } from '../../contract/index.ts';
import { limits, PawlError, type View, viewStatuses, waitsForElements } from '../../engine/index.ts';
import { exits } from '../exits.ts';
import { type Folded, foldedIn } from '../folded.ts';
import { stamp } from '../format.ts';
import { storeAt, tellNothing } from '../nothing.ts';
import type { Answer, Session } from '../session.ts';
import { standingWords } from '../standing.ts';
import { type AddCommands, collect, wholeNumber, withExamples } from './common.ts';

type Options = NonNullable<CallOf<'listInstances'>['query']>;
type Given = Omit<Options, 'param' | 'status'> & {
  param: string[];
  status: NonNullable<Options['status']>;
  counts?: true;
};

const isNarrow = ({ limit: _, next: __, ...asked }: Options): boolean =>
  Object.values(asked).some((value) => value !== undefined);

const columnsOf = (view: View): string[] => [
  standingWords(view),
  view.cell ?? '',
  `${view.cellsDone}/${view.cells}`,
  stamp(view.updatedAtMs),
];

/** `2/3 elements, 1 waiting, 1 needs somebody`: as the run itself has seen them, or more where the page has more. */
const elementsText = ({ view, elements }: Folded): string => {
  const told = view !== null && waitsForElements(view) ? (view.waitsFor ?? '') : '';
  const needing = /, (\d+) needs? somebody$/.exec(told);
  const waiting = elements.filter(({ status }) => status === 'waiting').length;
  const stuck = Math.max(elements.length - waiting, Number(needing?.[1] ?? 0));
  return [
    told.slice(0, needing?.index),
    waiting === 0 ? '' : `${waiting} waiting`,
    stuck === 0 ? '' : `${stuck} ${stuck === 1 ? 'needs' : 'need'} somebody`,
  ]
    .filter((part) => part !== '')
    .join(', ');
};

/** A run, and under it those of its elements that are on the page. */
const rowsOf = (folded: Folded): string[][] => {
  const { instanceId, view, elements } = folded;
  const text = elementsText(folded);
  const run = view === null ? ['', '', '', ''] : columnsOf(view);
  const indented = elements.map((one) => {
    const [status = '', ...rest] = columnsOf(one);
    return [`  ${status}`, ...rest, one.instanceId];
  });
  return [[...run, text === '' ? instanceId : `${instanceId}  ${text}`], ...indented];
};

/** What the index tells without a view: nothing else can be asked together with it. */
const count = async ({ screen, client }: Session, { runbook, since, until, ...given }: Given): Promise<Answer> => {
  const { actor, text, id, next, param, status } = given;
  if ([actor, text, id, next].some((value) => value !== undefined) || param.length + status.length > 0)
    throw new PawlError(
      'request.invalid',
      '--counts goes with --runbook, --since and --until alone: list what has more to fit.',
    );
  const answer = await client.counts({ query: { runbook, since, until } });
  const rows = answer.counts.map(({ status: name, count: found, atLeast }) => [
    name.replace('_', ' '),
    `${atLeast ? 'at least ' : ''}${found}`,
  ]);
  screen.table(['status', 'instances'], rows);
  return { exit: exits.done, document: answer };
};

/**
 * The index is written by whoever acts. With a service that is its schedule; without one nobody may have acted since a process died, and
 * a step in doubt by now still stands as what came before it.
 */
const mayBeBehind = async ({ settings, store }: Session, { status = [] }: Options, views: View[]): Promise<boolean> => {
  if (settings.service !== null || (await store()).missing !== null) return false;
  const isUnderWay = (view: View): boolean =>
    waitsForElements(view) || (['ready', 'running'].includes(view.status) && view.dueAtMs !== null);
  return status.includes('in_doubt') || views.some(isUnderWay);
};

const list = async (session: Session, given: Given): Promise<Answer> => {
  if (given.counts) return await count(session, given);
  const { screen, client } = session;
  const { runbook, since, until, actor, id, text, limit, next } = given;
  const param = given.param.length === 0 ? undefined : given.param.join('\n');
  const status = given.status.length === 0 ? undefined : given.status;
  const query = { runbook, status, since, until, param, actor, id, text, limit, next };
  const page = await client.listInstances({ query });
  const { views, atLeast } = page;
  if (views.length > 0) {
    const rows = (await foldedIn(client, views)).flatMap(rowsOf);
    screen.table(['status', 'cell', 'done', 'last entry', 'instance'], rows);
  } else if (!atLeast) {
    const none = isNarrow(query)
      ? 'No instance fits.'
      : 'No instances. `pawl run FILE` or `pawl start RUNBOOK` begins one.';
    await tellNothing(session, none);
  }
  if (await mayBeBehind(session, query, views))
    screen.print(
      'What is under way stands here as it was when somebody last acted: `pawl doubts` reads the journals themselves.',
    );
  if (atLeast)
    screen.print(`At least ${views.length}: ${limits.listReadMax} views were read (listReadMax), and not all.`);
  if (page.next !== null) screen.print(`More: add \`--next ${page.next}\`.`);
  return { exit: exits.done, document: { ...page, ...(await storeAt(session)) } };
};

export const addList: AddCommands = (program, run) => {
  const listing = program.command('list');
  listing.description(
    'Lists instances, newest first; what is given has to fit. Elements of sections are listed while they need somebody, under\ntheir run. What changed within the last moments may be missing: the\nindex lags. Where no service runs it is written by whoever acts: what is left by a process that is gone stands as it was\nuntil then, and `pawl doubts` reads the journals themselves. For --param, --actor, --id and --text ' +
      `${limits.listReadMax} instances are read at a time; --next goes on.`,
  );
  listing
    .option('--runbook <id>', 'only of this runbook')
    .addOption(
      new Option('--status <status...>', 'only in this status; several: in any of them')
        .choices(viewStatuses)
        .default([]),
    )
    .option('--since <when>', 'started then or later: 2h, 3d, or a time with its zone, as 2026-11-28T09:00+01:00')
    .option('--until <when>', 'started before that')
    .option('-p, --param <name=value>', 'with this parameter; several: with all of them', collect, [])
    .option('--actor <name>', 'started by this actor')
    .option('--id <beginning>', 'whose id begins so')
    .option(
      '--text <words>',
      'with these words in its id, cell, actor, what it waits for, or the beginning of its parameters',
    )
    .option('--counts', 'how many there are of each status, and no list: with --runbook, --since, --until alone')
    .option('--limit <n>', 'at most so many, up to 100', wholeNumber(1), 20)
    .option('--next <mark>', 'the page after; the mark stands under the page before');
  withExamples(
    listing,
    'pawl list --runbook post_merge --status halted in_doubt',
    'pawl list --since 2h -p pr=7',
  ).action(run(list));
};
