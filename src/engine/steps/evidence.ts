/** Files that a cell left: kept beside the chain before the outcome that has their hashes. Without that outcome nothing leads to them. */
import type { Engine } from '../call/call.ts';
import type { OutcomeBody } from '../call/outcomes.ts';
import { isPawlError } from '../model/errors.ts';
import { type Evidence, noneUnkept, without } from '../model/evidence.ts';
import type { Attached } from '../model/fields.ts';

export type Keeping = {
  /**
   * Keeps those that are not kept yet.
   * @param mayWait whether one that the store did not take may be tried again; otherwise it is one of those that are not kept
   * @returns the error of the store, where it is to be asked again
   */
  keep(mayWait: (error: unknown) => boolean): Promise<{ cause: unknown } | undefined>;
  /** What the outcome says of them, as things stand: what is not kept by then is not kept. */
  said(): Pick<OutcomeBody, 'attached' | 'unkept'>;
};

const nothing: Keeping = { keep: async () => undefined, said: () => ({}) };

export const keepEvidence = (
  { journal, random }: Engine,
  instanceId: string,
  about: number,
  given: Evidence | undefined,
): Keeping => {
  if (given === undefined) return nothing;
  let left = given;
  const kept: Attached[] = [];
  // Drawn once: a file that is put again meets itself.
  const owners = new Map(given.files.map(({ name }) => [name, random.token()]));
  const keep: Keeping['keep'] = async (mayWait) => {
    for (let [file] = left.files; file !== undefined; [file] = left.files) {
      const { name, base64 } = file;
      try {
        const content = Buffer.from(base64, 'base64');
        const put = await journal.putFile(instanceId, about, owners.get(name) ?? random.token(), content);
        kept.push({ name, ...put });
        left = { ...left, files: left.files.slice(1) };
      } catch (error) {
        if (!isPawlError(error)) throw error;
        if (mayWait(error)) return { cause: error };
        left = without(left, 0, 'store');
      }
    }
    return undefined;
  };
  const said: Keeping['said'] = () => {
    let rest = left;
    while (rest.files.length > 0) rest = without(rest, 0, 'store');
    return {
      ...(kept.length === 0 ? {} : { attached: kept }),
      ...(noneUnkept(rest.unkept) ? {} : { unkept: rest.unkept }),
    };
  };
  return { keep, said };
};
