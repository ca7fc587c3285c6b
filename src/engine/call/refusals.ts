/** Refusals that several commands share, each said once. */
import { PawlError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { type Call, stateOf, viewNow } from './call.ts';

/** @throws PawlError `seq.stale` when the head is another one than the caller has seen */
export const assertFresh = (call: Call, expectedSeq: number | undefined): void => {
  const { seq } = call.chain.head.entry;
  if (expectedSeq === undefined || expectedSeq === seq) return;
  const message = `The journal of ${call.instanceId} is at ${seq}, not at ${expectedSeq}; look at the present state and ask again.`;
  throw new PawlError('seq.stale', message, { instanceId: call.instanceId, expectedSeq, seq, view: viewNow(call) });
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
