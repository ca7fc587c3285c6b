/** Secrets that a body made: put where they belong before its end is recorded, which names their versions. */
import type { Call } from '../call/call.ts';
import { failure } from '../call/outcomes.ts';
import { settleAll } from '../model/settleAll.ts';
import type { CellResult } from '../ports.ts';

export type Made = {
  result: CellResult;
  /** Versions by name; none where nothing was made. */
  secrets?: Record<string, string>;
  /** One of them is nowhere: the body ran, and a person has to see what its target has now. */
  isLost: boolean;
};

/** Each store has a time to answer in, well before what may be recorded no more. */
export const keepMade = async ({ engine, runbook }: Call, ran: CellResult): Promise<Made> => {
  const { made, ...result } = ran;
  const names = Object.keys(made ?? {});
  if (made === undefined || names.length === 0) return { result, isLost: false };
  const kept = await settleAll(
    names.map(async (name) => {
      const from = runbook.secrets?.[name]?.from ?? '';
      const put = (await engine.secrets?.keep(from, made[name] ?? '')) ?? { kind: 'lost', why: 'has no store here' };
      return { name, from, put };
    }),
  );
  const versions = kept.flatMap(({ name, put }) => (put.kind === 'kept' ? [[name, put.version] as const] : []));
  const secrets = versions.length === 0 ? {} : { secrets: Object.fromEntries(versions) };
  const lost = kept.flatMap(({ name, from, put }) => (put.kind === 'lost' ? [`${name} (${from}) ${put.why}`] : []));
  if (lost.length === 0) return { result, ...secrets, isLost: false };
  const error = failure('secret.lost', `It ran, and a secret that it made is lost: ${lost.join('; ')}.`);
  // A failure is known not to have happened; this has.
  const status = result.status === 'failed' ? 'unknown' : result.status;
  return { result: { ...result, status, error }, ...secrets, isLost: true };
};
