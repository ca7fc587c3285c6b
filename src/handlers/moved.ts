/** What a call that went on with an instance answers: how the run stands, and whether its place has anybody. */
import { gateOf } from '../engine/index.ts';
import type { OperationDeps } from './apiDeps.ts';
import { mannedFor } from './manned.ts';
import type { Moved } from './moving.ts';

/** Where it is parked for a worker of another place, whether there is any. However it stopped, that place is known from then on. */
export const withManned = async <A extends Moved['answer']>(deps: OperationDeps, answer: A) => {
  const manned = await mannedFor(deps, answer.view);
  return answer.result === 'parked' ? { ...answer, manned } : answer;
};

export const ran = async (deps: OperationDeps, { status, answer, headers }: Moved) => ({
  status,
  body: await withManned(deps, gateOf(answer)),
  headers,
});
