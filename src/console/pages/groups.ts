/** Which runs need somebody, and what for: a run is in the first group that it fits. */
import { type BodyOf, whyNoVote } from '../../contract/index.ts';
import { allCells, type Cell, call, type View, versionOf } from '../api.ts';
import type { Me } from '../me.tsx';

type Workers = BodyOf<'workers'>;
type ApproveBody = Extract<Cell['body'], { kind: 'approve' }>;

export type Need = 'doubt' | 'broken' | 'halted' | 'asked' | 'elements' | 'unmanned';
/** `cell`: where it stands, of what waits for people. */
type Found = { view: View; need: Need; cell?: Cell | undefined };
export type Needing = Found & { isMine: boolean };
export type Overview = { needing: Found[]; needsAtLeast: boolean; going: View[]; goingAtLeast: boolean };

const perList = 100;
/** Each a list of its own, so that no doubt is hidden behind what halted, and nothing that needs somebody behind what only runs. */
const lists = [['in_doubt'], ['broken', 'halted'], ['waiting'], ['running', 'ready']] as const;

/** What a list may be asked for, besides statuses. */
export const filterNames = ['runbook', 'text', 'actor', 'param', 'since', 'until'] as const;
export type Filter = Partial<Record<(typeof filterNames)[number], string>>;

/** The cell that a run stands at. Versions are asked for once. */
const cellAt = async (view: View): Promise<Cell | undefined> => {
  const found = await versionOf(view).catch(() => undefined);
  return allCells(found?.runbook.cells ?? []).find(({ name }) => name === view.cell);
};

/** Due, at a place that has no worker: nobody goes on with it. */
const isUnmanned = (view: View, { workers, nowMs }: Workers): boolean =>
  view.dueAtMs !== null &&
  view.dueAtMs <= nowMs &&
  view.waitsFor?.startsWith('a worker at ') === true &&
  !workers.some(({ place, state }) => place === view.place && state === 'alive');

const needOf = async (view: View, workers: Workers): Promise<Omit<Found, 'view'> | undefined> => {
  if (view.status === 'in_doubt') return { need: 'doubt' };
  if (view.status === 'broken' || view.status === 'halted') return { need: view.status };
  if (isUnmanned(view, workers)) return { need: 'unmanned' };
  if (view.status !== 'waiting') return undefined;
  if (/ needs? somebody/.test(view.waitsFor ?? '')) return { need: 'elements' };
  const cell = await cellAt(view);
  return cell?.body.kind === 'approve' || cell?.body.kind === 'manual' ? { need: 'asked', cell } : undefined;
};

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

export const readOverview = async (filter: Filter): Promise<Overview> => {
  const pages = lists.map((status) =>
    call('listInstances', { query: { ...filter, status: [...status], limit: perList } }),
  );
  const [workers, ...found] = await Promise.all([call('workers', {}), ...pages]);
  const views = found.flatMap((page) => page.views);
  const needs = await Promise.all(views.map((view) => needOf(view, workers)));
  const needing = views.flatMap((view, index) => {
    const need = needs[index];
    return need === undefined ? [] : [{ view, ...need }];
  });
  const isMore = found.map(({ next, atLeast }) => next !== null || atLeast);
  return {
    needing,
    needsAtLeast: isMore.slice(0, 3).some(Boolean),
    going: views.filter((_, index) => needs[index] === undefined),
    goingAtLeast: isMore.slice(2).some(Boolean),
  };
};
