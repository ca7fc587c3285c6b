/** Which runs need somebody, and what for: a run is in the first group that it fits. */
import type { BodyOf } from '../../contract/index.ts';
import { allCells, call, type View, versionOf } from '../api.ts';

type Workers = BodyOf<'workers'>;

export type Need = 'doubt' | 'broken' | 'halted' | 'asked' | 'elements' | 'unmanned';
export type Needing = { view: View; need: Need; isMine: boolean };
export type Overview = { needing: Needing[]; needsAtLeast: boolean; going: View[]; goingAtLeast: boolean };

const perList = 100;
/** Each a list of its own, so that no doubt is hidden behind what halted, and nothing that needs somebody behind what only runs. */
const lists = [['in_doubt'], ['broken', 'halted'], ['waiting'], ['running', 'ready']] as const;

/** What a list may be asked for, besides statuses. */
export const filterNames = ['runbook', 'text', 'actor', 'param', 'since', 'until'] as const;
export type Filter = Partial<Record<(typeof filterNames)[number], string>>;

/** Of what kind the cell is that a run stands at. Versions are asked for once. */
const kindAt = async (view: View): Promise<string | undefined> => {
  const found = await versionOf(view).catch(() => undefined);
  return allCells(found?.runbook.cells ?? []).find(({ name }) => name === view.cell)?.body.kind;
};

/** Due, at a place that has no worker: nobody goes on with it. */
const isUnmanned = (view: View, { workers, nowMs }: Workers): boolean =>
  view.dueAtMs !== null &&
  view.dueAtMs <= nowMs &&
  view.waitsFor?.startsWith('a worker at ') === true &&
  !workers.some(({ place, state }) => place === view.place && state === 'alive');

const needOf = async (view: View, workers: Workers): Promise<Need | undefined> => {
  if (view.status === 'in_doubt') return 'doubt';
  if (view.status === 'broken' || view.status === 'halted') return view.status;
  if (isUnmanned(view, workers)) return 'unmanned';
  if (view.status !== 'waiting') return undefined;
  if (/ needs? somebody/.test(view.waitsFor ?? '')) return 'elements';
  const kind = await kindAt(view);
  return kind === 'approve' || kind === 'manual' ? 'asked' : undefined;
};

const order: Need[] = ['doubt', 'broken', 'halted', 'asked', 'elements', 'unmanned'];

/** @param actor who looks: what asks for them comes before what asks for others */
export const readOverview = async (actor: string, filter: Filter): Promise<Overview> => {
  const pages = lists.map((status) =>
    call('listInstances', { query: { ...filter, status: [...status], limit: perList } }),
  );
  const [workers, ...found] = await Promise.all([call('workers', {}), ...pages]);
  const views = found.flatMap((page) => page.views);
  const needs = await Promise.all(views.map((view) => needOf(view, workers)));
  const needing = views
    .flatMap((view, index) => {
      const need = needs[index];
      const isMine = (view.waitsFor ?? '').split(', ').includes(actor);
      return need === undefined ? [] : [{ view, need, isMine }];
    })
    .sort((a, b) => order.indexOf(a.need) - order.indexOf(b.need) || Number(b.isMine) - Number(a.isMine));
  const isMore = found.map(({ next, atLeast }) => next !== null || atLeast);
  return {
    needing,
    needsAtLeast: isMore.slice(0, 3).some(Boolean),
    going: views.filter((_, index) => needs[index] === undefined),
    goingAtLeast: isMore.slice(2).some(Boolean),
  };
};
