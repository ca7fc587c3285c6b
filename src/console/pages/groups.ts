/** Which runs need somebody, and what for. */

import { useMemo } from 'preact/hooks';
import { type BodyOf, waitsForElements } from '../../contract/index.ts';
import { allCells, type Cell, call, permissionOf, type View, versionOf } from '../api.ts';
import { asks } from '../decide/asked.ts';
import type { Me } from '../me.tsx';
import { usePolled } from '../poll.ts';

type Overview = BodyOf<'overview'>;

export type Need = 'doubt' | 'broken' | 'halted' | 'asked' | 'elements' | 'unmanned';
/** `cell`: where it stands, of what asks people. */
type Found = { view: View; need: Need; cell?: Cell | undefined };
/** `isMine`: it asks who looks; `hasMine`: it did, and they have approved. */
export type Needing = Found & { isMine: boolean; hasMine: boolean };

/** What a list may be asked for, besides statuses. */
export const filterNames = ['runbook', 'text', 'actor', 'param', 'since', 'until'] as const;
export type Filter = Partial<Record<(typeof filterNames)[number], string>>;

export const isMore = ({ next, atLeast }: Overview['newest']): boolean => next !== null || atLeast;

/** The cell that a run stands at. Versions are asked for once. */
const cellAt = async (view: View): Promise<Cell | undefined> => {
  const found = await versionOf(view).catch(() => undefined);
  return allCells(found?.runbook.cells ?? []).find(({ name }) => name === view.cell);
};

export const foundIn = async ({ doubt, stopped, asking, unmanned }: Overview): Promise<Found[]> => [
  ...doubt.views.map((view) => ({ view, need: 'doubt' as const })),
  ...stopped.views.map((view) => ({
    view,
    need: view.status === 'broken' ? ('broken' as const) : ('halted' as const),
  })),
  ...(await Promise.all(
    asking.views.map(async (view) =>
      waitsForElements(view)
        ? { view, need: 'elements' as const }
        : { view, need: 'asked' as const, cell: await cellAt(view) },
    ),
  )),
  ...unmanned.views.map((view) => ({ view, need: 'unmanned' as const })),
];

const order: Need[] = ['doubt', 'broken', 'halted', 'asked', 'elements', 'unmanned'];

/** So many runs are asked for at once. */
const readAtOnce = 5;

/** Who has approved so far, by run and entry: no list has it, so it is read once for each change. What could not be read is not there. */
const known = new Map<string, string[]>();
const keyOf = ({ instanceId, seq }: View): string => `${instanceId} ${seq}`;

const readApproval = async (view: View): Promise<void> => {
  const { waits } = await call('instance', {
    path: { instanceId: view.instanceId },
    query: { outputBytesMax: 0 },
  });
  known.set(keyOf(view), waits?.kind === 'approve' ? waits.approvals : []);
};

/** @throws Refused where none of those that are left could be read: it is tried less and less often then */
const readApprovals = async (views: View[]): Promise<{ isWhole: boolean }> => {
  const wanted = new Set(views.map(keyOf));
  for (const key of known.keys()) if (!wanted.has(key)) known.delete(key);
  const left = views.filter((view) => !known.has(keyOf(view)));
  const failures: unknown[] = [];
  for (let from = 0; from < left.length; from += readAtOnce) {
    const read = await Promise.allSettled(left.slice(from, from + readAtOnce).map(readApproval));
    failures.push(...read.flatMap((one) => (one.status === 'rejected' ? [one.reason] : [])));
  }
  if (left.length > 0 && failures.length === left.length) throw failures[0];
  return { isWhole: failures.length === 0 };
};

/** What asks for who looks, may vote, and has not, comes before what asks for others. */
export const useOrder = (found: Found[], me: Me): Needing[] => {
  const mayVote = me.permissions?.some((one) => one === permissionOf('vote')) ?? true;
  const mine = useMemo(
    () =>
      !mayVote ? [] : found.filter(({ view, cell }) => asks(view, cell?.body, { ...me, groups: me.groups ?? [] })),
    [found, me],
  );
  // One that one approval decides does not wait on after it.
  const shared = mine.flatMap(({ view, cell }) =>
    cell?.body.kind === 'approve' && cell.body.quorum !== 1 ? [view] : [],
  );
  const key = `approvals ${shared.map(keyOf)}`;
  const { data: read } = usePolled(
    key,
    () => readApprovals(shared),
    undefined,
    key,
    ({ isWhole }) => isWhole,
  );
  return useMemo(() => {
    const asking = new Set(mine);
    const open = new Set(shared);
    return found
      .map((one) => {
        const approvals = open.has(one.view) ? known.get(keyOf(one.view)) : [];
        const hasMine = approvals?.includes(me.actor) === true;
        return { ...one, hasMine, isMine: asking.has(one) && approvals !== undefined && !hasMine };
      })
      .sort((a, b) => order.indexOf(a.need) - order.indexOf(b.need) || Number(b.isMine) - Number(a.isMine));
  }, [mine, read]);
};
