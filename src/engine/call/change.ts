/**
 * A change to an instance, as a caller asks for it: read what the decision needs, decide, put. A caller that loses the slot decides
 * anew from what stands then, and is answered by that.
 */
import assert from 'node:assert/strict';
import type { Entry, EntryBody } from '../model/entries.ts';
import type { By } from '../model/fields.ts';
import type { State } from '../model/state.ts';
import type { View } from '../model/view.ts';
import { type Call, type Engine, openCall, saveView, stateOf } from './call.ts';
import { commandMs } from './mark.ts';

/** What a decision knows beside the state and the facts. */
export type Moment = {
  nowMs: number;
  /** In [0, 1). */
  fraction(): number;
  /** An earlier put of this decision got no answer, so it may stand. */
  sent: boolean;
};

export type Change<F = undefined> = {
  /** Once, before the first decision. */
  open?(call: Call): Promise<void> | void;
  /** Reads what `decide` needs beside the state, afresh for each slot. */
  prepare(call: Call): Promise<F> | F;
  /** Pure, and made afresh for each put. `null`: it is so already. Throws a refusal. */
  decide(state: State, facts: F, moment: Moment): EntryBody | null;
  /** After the entry stands; may put one entry more. */
  then?(call: Call, stands: Entry, facts: F): Promise<void>;
  /** After a lost slot: refuses where what took it is about what the caller decided. */
  lost?(call: Call, knownSeq: number): Promise<void> | void;
};

/** `stands`: the entry that was put; `null` where nothing had to change. */
export type Changed<F> = { stands: Entry | null; facts: F };

export const changeIn = async <F>(call: Call, change: Change<F>): Promise<Changed<F>> => {
  const { engine, chain } = call;
  for (;;) {
    const facts = await change.prepare(call);
    const state = stateOf(call);
    const knownSeq = chain.head.entry.seq;
    const nowMs = (): number => engine.clock.nowMs();
    // Chance only moves a pause: whether there is anything to put does not rest on it.
    if (change.decide(state, facts, { nowMs: nowMs(), fraction: () => 0, sent: false }) === null)
      return { stands: null, facts };
    const stands = await chain.append((tried) => {
      const body = change.decide(state, facts, {
        nowMs: nowMs(),
        fraction: engine.random.fraction,
        sent: tried > 1,
      });
      assert(body !== null, 'what was to change in a slot is still to change');
      return body;
    });
    if (stands !== undefined) {
      await change.then?.(call, stands, facts);
      return { stands, facts };
    }
    await change.lost?.(call, knownSeq);
  }
};

/** @throws PawlError `instance.unknown`, `store.unavailable`, and what `change` refuses with */
export const change = async <F>(
  engine: Engine,
  instanceId: string,
  by: By,
  changing: Change<F>,
  budgetMs: number = commandMs,
): Promise<Changed<F> & { call: Call; view: View }> => {
  const call = await openCall(engine, instanceId, by, budgetMs);
  await changing.open?.(call);
  const changed = await changeIn(call, changing);
  return { ...changed, call, view: await saveView(call) };
};
