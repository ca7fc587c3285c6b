/** Which exit code an answer or an error leads to. The codes themselves need nothing of the engine: exitCodes.ts. */
import { errorCodes, type PawlError, type Stop } from '../engine/index.ts';
import { type Exit, exits } from './exitCodes.ts';

export { type Exit, exits };

const byResult: Record<Stop['result'], Exit> = {
  advanced: exits.done,
  completed: exits.done,
  failed: exits.failed,
  rolled_back: exits.failed,
  cancelled: exits.failed,
  halted: exits.failed,
  parked: exits.parked,
  in_flight: exits.later,
  deferred: exits.later,
  in_doubt: exits.doubt,
};

/** The exit code for how a call stopped. */
export const exitOfResult = (result: Stop['result']): Exit => byResult[result];

/** The exit code for a refused request: what may work later, what was asked wrongly, and the rest. */
export const exitOfError = (error: PawlError): Exit => {
  const { status, fate } = errorCodes[error.code];
  if (fate === 'later') return exits.later;
  return status < 500 && status !== 409 ? exits.invalid : exits.failed;
};
