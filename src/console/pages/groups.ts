/** Which runs need somebody, and what for. */
import { type BodyOf, waitsForElements } from '../../contract/index.ts';
import { allCells, type Cell, permissionOf, type View, versionOf } from '../api.ts';
import { asks } from '../decide/asked.ts';
import type { Me } from '../me.tsx';

type Overview = BodyOf<'overview'>;

export type Need = 'doubt' | 'broken' | 'halted' | 'asked' | 'elements' | 'unmanned';
/** `cell`: where it stands, of what asks people. */
type Found = { view: View; need: Need; cell?: Cell | undefined };
export type Needing = Found & { isMine: boolean };

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

/** What asks for who looks, and may vote, comes before what asks for others. Whether they have voted its page alone knows. */
export const inOrder = (found: Found[], me: Me): Needing[] => {
  const mayVote = me.permissions?.some((one) => one === permissionOf('vote')) ?? true;
  return found
    .map((one) => ({ ...one, isMine: mayVote && asks(one.view, one.cell?.body, { ...me, groups: me.groups ?? [] }) }))
    .sort((a, b) => order.indexOf(a.need) - order.indexOf(b.need) || Number(b.isMine) - Number(a.isMine));
};
