/** Who wrote an entry. A name may come twice (somebody who decides about seq 7, before a restore and after it): tokens do not. */
import type { Entry } from '../../../src/engine/index.ts';
import type { Call } from '../world.ts';
import type { Oracle } from './reading.ts';

export const isBy = (call: Call, { by, token }: Entry): boolean => by.where === call.id && call.tokens.has(token);

export const writerOf = ({ calls }: Pick<Oracle, 'calls'>, entry: Entry): Call | undefined => {
  const named = calls.get(entry.by.where) ?? [];
  return named.find((call) => isBy(call, entry)) ?? named.at(-1);
};
