/**
 * Finds every step in doubt. Views are a hint: a holder that vanished left its view as it was before, so it may still say
 * `ready` or `running`. But whatever is unfinished and not at rest is due (I7). So these are looked at, each by its own
 * journal: views in doubt and running, all others that are due, and the elements of those that wait for elements.
 */
import { type Entry, isPawlError, PawlError, unfinishedIn, type View, waitsForElements } from '../engine/index.ts';
import { elementIdOf } from './elementIds.ts';
import type { Session } from './session.ts';
import { openedBy, readStep, type Step, standsAtStep } from './step.ts';

/** In this order what becomes doubtful meanwhile is met in a later list, not missed. */
const searched = ['waiting', 'halted', 'ready', 'running', 'in_doubt'] as const satisfies View['status'][];
type Searched = (typeof searched)[number];
const pageSize = 100;
/** Journals read at the same time. */
const readersMax = 10;

/** `gone`: also steps that are not in doubt yet, and whose process is gone. */
export type Search = { runbookId: string | undefined; cell?: string; gone?: true };
export type Unreadable = { instanceId: string; code: string; message: string };
export type Page = { doubts: Step[]; gone: Step[]; unreadable: Unreadable[]; next: string | null };

/** Where a search goes on: the list it is in, and the mark of the page there. */
type Place = { status: Searched; next: string | undefined };

const placeOf = (mark: string | undefined): Place => {
  if (mark === undefined) return { status: searched[0], next: undefined };
  // The rest is the mark of that list, whatever stands in it.
  const end = mark.indexOf('.');
  const next = mark.slice(end + 1);
  const status = searched.find((one) => one === mark.slice(0, Math.max(0, end)));
  if (status === undefined)
    throw new PawlError('request.invalid', 'The mark given by --next is not one of `pawl doubts`: begin without it.');
  return { status, next: next || undefined };
};

const mayBeInDoubt = (view: View): boolean =>
  view.status === 'in_doubt' || view.status === 'running' || view.dueAtMs !== null || waitsForElements(view);

/** What stands after a reservation, as a cancellation does, says nothing of its process. */
const mayNameProcess = (head: Entry): boolean => {
  const opening = openedBy(head);
  return opening === null || opening.process !== undefined;
};

/** The elements under way of an instance that waits for them. They stand in no list before somebody has looked at them. */
const elementsIn = ({ instanceId, state: { open, visit } }: Entry): string[] => {
  if (open?.kind !== 'waiting' || open.family === undefined) return [];
  const { cell } = open;
  return unfinishedIn(open.family).map((index) => elementIdOf({ instanceId, cell, index }, visit));
};

type Seen = Pick<View, 'instanceId' | 'runbookId' | 'version' | 'seq'>;

/** What stands in doubt there, and in its elements. */
const readDoubts = async (session: Session, view: Seen, search: Search): Promise<(Step | Unreadable)[]> => {
  try {
    const standing = await session.client.standing(view.instanceId, view.seq);
    if (standing === undefined) return [];
    if (!standsAtStep(standing)) {
      const found: (Step | Unreadable)[][] = [];
      // One after the other: several of their runs are read at the same time.
      for (const instanceId of elementsIn(standing.head))
        found.push(await readDoubts(session, { ...view, instanceId, seq: 0 }, search));
      return found.flat();
    }
    const mayBeGone = search.gone === true && standing.status === 'running' && mayNameProcess(standing.head);
    if (standing.status !== 'in_doubt' && !mayBeGone) return [];
    const step = await readStep(session, view, standing);
    if (step === undefined || (step.status === 'running' && step.holderProcess !== 'gone')) return [];
    return search.cell === undefined || step.cell === search.cell ? [step] : [];
  } catch (error) {
    // One journal that cannot be read hides no other doubt. A store that is away hides all of them.
    if (!isPawlError(error) || error.code === 'store.unavailable') throw error;
    return [{ instanceId: view.instanceId, code: error.code, message: error.message }];
  }
};

const after = ({ status }: Place, next: string | null): Place | undefined => {
  if (next !== null) return { status, next };
  const following = searched[searched.indexOf(status) + 1];
  return following === undefined ? undefined : { status: following, next: undefined };
};

/** Goes through everything, page by page, until `limit` are found; the oldest of them first. */
export const findDoubts = async (
  session: Session,
  search: Search,
  { limit = Number.POSITIVE_INFINITY, mark }: { limit?: number; mark?: string | undefined } = {},
): Promise<Page> => {
  const { client } = session;
  const found = new Map<string, Step>();
  const gone = new Map<string, Step>();
  const unreadable = new Map<string, Unreadable>();
  let place: Place | undefined = placeOf(mark);
  while (place !== undefined && found.size < limit) {
    const asked = {
      status: [place.status],
      next: place.next,
      runbook: search.runbookId,
      limit: Math.min(pageSize, limit - found.size),
    };
    const page = await client.listInstances({ query: asked });
    const views = page.views.filter(mayBeInDoubt);
    while (views.length > 0) {
      const looked = await Promise.all(views.splice(0, readersMax).map((view) => readDoubts(session, view, search)));
      for (const one of looked.flat()) {
        if ('code' in one) unreadable.set(one.instanceId, one);
        else (one.status === 'running' ? gone : found).set(one.instanceId, one);
      }
    }
    place = after(place, page.next);
  }
  const next = place === undefined ? null : `${place.status}.${place.next ?? ''}`;
  // Not by their ages: each was reckoned at a moment of its own.
  const oldestFirst = (steps: Map<string, Step>): Step[] =>
    [...steps.values()].sort((a, b) => (a.reservedAtMs ?? 0) - (b.reservedAtMs ?? 0));
  return { doubts: oldestFirst(found), gone: oldestFirst(gone), unreadable: [...unreadable.values()], next };
};
