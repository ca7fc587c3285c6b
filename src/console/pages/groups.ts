/** Which runs need somebody, and what for. */
import type { BodyOf } from '../../contract/index.ts';
import type { View } from '../api.ts';

type Overview = BodyOf<'overview'>;

export type Need = 'doubt' | 'broken' | 'halted' | 'asked' | 'elements' | 'unmanned';
export type Needing = { view: View; need: Need; isMine: boolean };

/** What a list may be asked for, besides statuses. */
export const filterNames = ['runbook', 'text', 'actor', 'param', 'since', 'until'] as const;
export type Filter = Partial<Record<(typeof filterNames)[number], string>>;

const order: Need[] = ['doubt', 'broken', 'halted', 'asked', 'elements', 'unmanned'];

export const isMore = ({ next, atLeast }: Overview['newest']): boolean => next !== null || atLeast;

/** @param actor who looks: what asks for them comes before what asks for others */
export const needingOf = ({ doubt, stopped, asking, unmanned }: Overview, actor: string): Needing[] => {
  const needs: [View, Need][] = [
    ...doubt.views.map((view): [View, Need] => [view, 'doubt']),
    ...stopped.views.map((view): [View, Need] => [view, view.status === 'broken' ? 'broken' : 'halted']),
    ...asking.views.map((view): [View, Need] => [view, / elements, /.test(view.waitsFor ?? '') ? 'elements' : 'asked']),
    ...unmanned.views.map((view): [View, Need] => [view, 'unmanned']),
  ];
  return needs
    .map(([view, need]) => {
      const isMine = (view.waitsFor ?? '').split(', ').includes(actor);
      return { view, need, isMine };
    })
    .sort((a, b) => order.indexOf(a.need) - order.indexOf(b.need) || Number(b.isMine) - Number(a.isMine));
};
