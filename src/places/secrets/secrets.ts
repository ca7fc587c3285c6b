/** The engine's port for secrets: what the place allows, from the stores that it reaches. */
import assert from 'node:assert/strict';
import { isPawlError, limits, type Secrets, type SecretsRead, settleAll } from '../../engine/index.ts';
import { type Allow, refusalOf } from '../allow.ts';
import { createEnvSource } from './env.ts';
import { createFileSource } from './file.ts';
import { versionsUnder } from './key.ts';
import type { Found, Source } from './source.ts';

export type SecretsOptions = {
  allow(): Allow;
  env: NodeJS.ProcessEnv;
  /** Folders and files of Pawl's own. */
  ownPaths: readonly string[];
  /** Of the deployment, for versions of what has none of its own. `null`: a place of functions, without `file:` and `env:`. */
  key: (() => Promise<string>) | null;
};

type StoreName = 'ssm' | 'secretsmanager' | 'file' | 'env';

const partsOf = (from: string): { store: StoreName; at: string } => {
  const colon = from.indexOf(':');
  return { store: from.slice(0, colon) as StoreName, at: from.slice(colon + 1) };
};

/** What is no secret that could be masked. */
const unfit = (value: string): string | undefined => {
  if (value.length < limits.secretCharsMin)
    return `is shorter than ${limits.secretCharsMin} characters (secretCharsMin): it could not be masked`;
  if (Buffer.byteLength(value) > limits.secretBytesMax)
    return `has more than ${limits.secretBytesMax} bytes (secretBytesMax)`;
  // What stands where bytes were no UTF-8: another value than the one that is there.
  return value.includes('\ufffd') ? 'is no text: not all of its bytes are UTF-8' : undefined;
};

const notOfFunctions =
  'cannot be had by functions, which have neither files nor variables for it: keep it in `ssm:` or `secretsmanager:`, or give its cell a place with a worker by `at=`';

/** Loads what a store needs when it is first asked. @param whyNot why what a path led to may not be had */
const createSources = ({ env, key }: SecretsOptions, whyNot: (from: string) => string | undefined) => {
  const known = new Map<StoreName, Promise<Source>>();
  const open = async (store: StoreName): Promise<Source> => {
    if (store === 'ssm') return (await import('./ssm.ts')).createSsmSource();
    if (store === 'secretsmanager') return (await import('./secretsManager.ts')).createSecretsManagerSource();
    assert(key !== null, 'a store that needs a key was opened without one');
    const versionOf = versionsUnder(await key());
    if (store === 'env') return createEnvSource(env, versionOf);
    return createFileSource(versionOf, (real) => whyNot(`file:${real}`));
  };
  return (store: StoreName): Promise<Source> => {
    const opened = known.get(store) ?? open(store);
    known.set(store, opened);
    return opened;
  };
};

export const createSecrets = (options: SecretsOptions): Secrets => {
  const { allow, ownPaths, key } = options;
  /** Said before all else: no list of the place changes it. */
  const whyNever = (store: StoreName): string | undefined =>
    key === null && (store === 'file' || store === 'env') ? notOfFunctions : undefined;

  /** Read anew each time: whoever allows something need not start a service again. */
  const whyNot = (from: string): string | undefined => {
    try {
      return refusalOf(allow(), from, ownPaths);
    } catch (error) {
      if (isPawlError(error)) return `which nobody gets as long as this stands: ${error.message}`;
      throw error;
    }
  };

  const sourceOf = createSources(options, whyNot);

  const readOne = async (from: string, version: string | undefined): Promise<Found> => {
    const { store, at } = partsOf(from);
    const refused = whyNever(store) ?? whyNot(from);
    if (refused !== undefined) return { kind: 'missing', why: refused };
    const source = await sourceOf(store);
    const found = await source.read(at, version);
    const why = found.kind === 'read' ? unfit(found.value) : undefined;
    return why === undefined ? found : { kind: 'missing', why };
  };

  return {
    read: async (wanted, pinned): Promise<SecretsRead> => {
      const names = Object.keys(wanted);
      const found = await settleAll(
        names.map(async (name) => {
          const from = wanted[name] ?? '';
          return { name, from, ...(await readOne(from, pinned[name])) };
        }),
      );
      const lacking = found.flatMap((one) => {
        if (one.kind !== 'missing' && one.kind !== 'later') return [];
        const why = one.why.startsWith('which') ? `, ${one.why}` : ` ${one.why}`;
        return [`secret ${one.name} (${one.from})${why}`];
      });
      if (lacking.length > 0) return { kind: 'missing', what: lacking };
      const gone = found.find(({ kind }) => kind === 'gone');
      if (gone !== undefined)
        return { kind: 'gone', what: `version ${pinned[gone.name]} of secret ${gone.name} (${gone.from})` };
      const values = found.flatMap((one) =>
        one.kind === 'read' ? [[one.name, { value: one.value, version: one.version }] as const] : [],
      );
      return { kind: 'read', values: Object.fromEntries(values) };
    },
    keep: async (from, value) => {
      const { store, at } = partsOf(from);
      const refused = whyNever(store) ?? whyNot(from) ?? unfit(value);
      if (refused !== undefined) return { kind: 'lost', why: refused };
      return await (await sourceOf(store)).keep(at, value);
    },
  };
};
