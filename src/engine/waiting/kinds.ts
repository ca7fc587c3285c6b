/** The kinds of wait by name, and what is asked of whichever it is. */
import type { Cell } from '../model/runbook.ts';
import { approve } from './approve.ts';
import { awaitClaims } from './await.ts';
import { each } from './each.ts';
import { manual } from './manual.ts';
import { moment } from './moment.ts';
import { poll } from './poll.ts';

const kinds = { manual, await: awaitClaims, approve, wait: moment, each, run: each, poll } as const;
type Kinds = typeof kinds;
type Kind = Kinds[keyof Kinds];

type WaitDetails = Awaited<ReturnType<Kind['report']>>;

/** A cell without effects that is repeated waits by `poll`; the others by their own kind. */
export const waitKindOf = ({ body: { kind }, poll: polled }: Cell): Kind => {
  if (polled !== undefined) return kinds.poll;
  return kind in kinds ? kinds[kind as keyof Kinds] : kinds.poll;
};

/** `dueAtMs`: when it ends by itself; `null`: as long as it takes. `nextAtMs`: when it is looked at again. */
export type WaitReport = {
  cell: string;
  seq: number;
  sinceMs: number;
  dueAtMs: number | null;
  nextAtMs: number | null;
} & WaitDetails;
