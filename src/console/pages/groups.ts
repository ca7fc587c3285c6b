/** Which runs need somebody, and what for. */
import { type BodyOf, whyNoVote } from '../../contract/index.ts';
import { allCells, type Cell, type View, versionOf } from '../api.ts';
import type { Me } from '../me.tsx';

type Overview = BodyOf<'overview'>;
type ApproveBody = Extract<Cell['body'], { kind: 'approve' }>;

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
      / elements, /.test(view.waitsFor ?? '')
        ? { view, need: 'elements' as const }
        : { view, need: 'asked' as const, cell: await cellAt(view) },
    ),
  )),
  ...unmanned.views.map((view) => ({ view, need: 'unmanned' as const })),
];

/** Whom an approval asks: as its runbook says, where that is not filled in; a view has the names, cut after 48 bytes. */
const askedBy = ({ approvers, groups }: ApproveBody, { waitsFor }: View) => {
  if ([...approvers, ...groups].flat().every((part) => typeof part === 'string'))
    return { approvers: approvers.map((one) => one.join('')), groups: groups.map((one) => one.join('')) };
  const names = (waitsFor ?? '').split(', ');
  return {
    approvers: names,
    groups: names.flatMap((name) => (name.startsWith('group ') ? [name.slice('group '.length)] : [])),
  };
};

/** Who started the runs that it continues, and a starter of a very long name, its page alone knows. */
const isMine = ({ view, cell }: Found, me: Me): boolean =>
  cell?.body.kind === 'approve' &&
  whyNoVote({ ...askedBy(cell.body, view), self: cell.body.self }, [view.startedBy], me) === undefined;

const order: Need[] = ['doubt', 'broken', 'halted', 'asked', 'elements', 'unmanned'];

/** What asks for who looks comes before what asks for others. */
export const inOrder = (found: Found[], me: Me): Needing[] =>
  found
    .map((one) => ({ ...one, isMine: isMine(one, me) }))
    .sort((a, b) => order.indexOf(a.need) - order.indexOf(b.need) || Number(b.isMine) - Number(a.isMine));
