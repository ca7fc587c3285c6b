/** Pages of lists, notes and the journal, put together, are what stands in the tables: nothing twice, nothing left out. */
import { type Engine, limits, type View } from '../../../src/engine/index.ts';
import { facetOf, must, parentOf, viewRow, type World } from '../world.ts';
import { same } from './same.ts';

const checkJournal = async (engine: Engine, world: World, instanceId: string, limit: number): Promise<void> => {
  const { chain } = facetOf(world, instanceId);
  const read: string[] = [];
  for (;;) {
    const page = await engine.journal(instanceId, read.length - 1, limit);
    must(
      page.length <= limit,
      'pages',
      `a page of the journal of ${instanceId} has ${page.length} entries of ${limit}`,
    );
    read.push(...page.map(({ hash }) => hash));
    if (page.length < Math.min(limit, limits.pageMax)) break;
  }
  const stands = chain.map(({ sha256 }) => sha256);
  must(
    same(read, stands),
    'pages',
    `pages of ${limit} gave ${read.length} entries of ${instanceId}: ${stands.length} stand`,
  );
};

const checkNotes = async (engine: Engine, world: World, instanceId: string, limit: number): Promise<void> => {
  const rows = world.tables.partition('journal', `${instanceId}/notes`);
  const stands = rows.sort((a, b) => Number(a.seq) - Number(b.seq)).map(({ note }) => JSON.parse(String(note)));
  const read: unknown[] = [];
  let after: number | undefined;
  do {
    const page = await engine.notesPage(instanceId, limit, after);
    must(page.notes.length <= limit, 'pages', `a page of notes of ${instanceId} has ${page.notes.length} of ${limit}`);
    read.push(...page.notes.map(({ note }) => note));
    after = page.next ?? undefined;
  } while (after !== undefined && read.length <= stands.length);
  must(
    same(read, stands),
    'pages',
    `pages of ${limit} gave ${read.length} notes of ${instanceId}: ${stands.length} stand`,
  );
};

/** An element is listed only where it may need a person; one that waits for its own elements does not, they do. */
const needsSomebody = new Set(['halted', 'in_doubt', 'waiting', 'broken']);

type Filter = Omit<Parameters<Engine['list']>[0], 'next'>;

const checkList = async (engine: Engine, world: World, filter: Filter): Promise<void> => {
  const stands = world.tables
    .rows('views')
    .filter(
      ({ status, runbookId }) =>
        (filter.statuses ?? []).includes(status as View['status']) && runbookId === (filter.runbookId ?? runbookId),
    )
    .filter(
      ({ instanceId, status, waitsFor }) =>
        parentOf(String(instanceId)) === undefined ||
        (needsSomebody.has(String(status)) && !/^\d+\/\d+ elements/.test(String(waitsFor))),
    )
    .sort((a, b) => (String(a.newest) < String(b.newest) ? 1 : -1))
    .map(({ instanceId }) => instanceId);
  const read: unknown[] = [];
  let next: string | undefined;
  do {
    const page = await engine.list({ ...filter, ...(next === undefined ? {} : { next }) });
    read.push(...page.views.map(({ instanceId }) => instanceId));
    next = page.next ?? undefined;
  } while (next !== undefined && read.length <= stands.length);
  must(
    same(read, stands),
    'pages',
    `the list of ${filter.statuses} by ${filter.limit} is ${read}, and ${stands} stand`,
  );
};

/** At rest. How much stands on a page follows from the journal, so that it differs and draws nothing. */
export const checkPages = async (engine: Engine, world: World, instanceId: string): Promise<void> => {
  const limit = 1 + (facetOf(world, instanceId).chain.length % 4);
  await checkJournal(engine, world, instanceId, limit);
  await checkNotes(engine, world, instanceId, limit);
  const { status, runbookId } = viewRow(facetOf(world, instanceId)) ?? {};
  if (status === undefined) return;
  const filter: Filter = { statuses: [status as View['status']], limit: 1 + (limit % 2) };
  await checkList(engine, world, limit % 2 === 0 ? filter : { ...filter, runbookId: String(runbookId) });
};
