/** Refusals that several commands share, each said once. */

import { PawlError } from '../model/errors.ts';
import type { By } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import { holderOf } from '../rules/decide.ts';
import type { Holder } from '../rules/stop.ts';
import { type Call, stateOf, viewNow } from './call.ts';

const iso = (ms: number): string => new Date(ms).toISOString();
const whoIs = ({ actor, via, where }: By): string => `${actor} (${via}, ${where})`;

/** Who holds a step, since when, and until when at most, as a sentence has it. */
export const heldBy = ({ by, cell, reservedAtMs, deadlineAtMs, untilAtMs }: Holder): string =>
  `${whoIs(by)} holds ${cell} since ${iso(reservedAtMs)}, until ${iso(untilAtMs ?? deadlineAtMs)} at most`;

/** @throws PawlError `seq.stale` when the head is another one than the caller has seen: with who holds the step, or wrote last */
export const assertFresh = (call: Call, expectedSeq: number | undefined): void => {
  const { instanceId, engine } = call;
  const { seq, by, atMs, kind, state } = call.chain.head.entry;
  if (expectedSeq === undefined || expectedSeq === seq) return;
  const nowMs = engine.clock.nowMs();
  const holder = state.open?.kind === 'reserved' ? holderOf(state.open, nowMs) : null;
  const stands = holder === null ? `its newest entry (${kind}) is by ${whoIs(by)}, of ${iso(atMs)}` : heldBy(holder);
  const message = `The journal of ${instanceId} is at ${seq}, not at ${expectedSeq}: ${stands}; look at the present state and ask again.`;
  const newest = { kind, by, at: iso(atMs) };
  throw new PawlError('seq.stale', message, { instanceId, expectedSeq, seq, holder, newest, view: viewNow(call) });
};

/** @throws PawlError `instance.finished` */
export const assertUnfinished = (call: Call): void => {
  const { instanceId } = call;
  const { ended } = stateOf(call);
  if (ended === null) return;
  const message = `Instance ${instanceId} has ended as ${ended}: nothing changes in it any more; see \`pawl journal ${instanceId}\`.`;
  throw new PawlError('instance.finished', message, { instanceId, ended, view: viewNow(call) });
};

/** @throws PawlError `request.invalid` unless it says something, in `reasonCharsMax` characters at most */
export const assertReason = (reason: string, what: string): void => {
  if (reason.trim() !== '' && reason.length <= limits.reasonCharsMax) return;
  const message = `${what} needs a text of 1 to ${limits.reasonCharsMax} characters (reasonCharsMax).`;
  throw new PawlError('request.invalid', message, { limit: 'reasonCharsMax' });
};
