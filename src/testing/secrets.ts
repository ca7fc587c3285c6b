/**
 * Secrets of a test: those that were given for it, and what its cells make of them, by versions that can all be read. What was not
 * given is made up, and only cells that are answered for have that: nothing in the world is told a made-up secret.
 */
import { randomBytes } from 'node:crypto';
import type { Secrets } from '../engine/index.ts';
import type { NamedCell } from './levels.ts';

/** Where each secret is read from, by the name that the test has for it: those of a run go behind the name of its cell. */
export const secretsIn = (cells: readonly NamedCell[]): Map<string, string> => {
  const from = new Map<string, string>();
  for (const { path, runbook } of new Set(cells.map(({ level }) => level)))
    for (const [name, secret] of Object.entries(runbook.secrets ?? {})) from.set(`${path}${name}`, secret.from);
  return from;
};

export const createSecrets = (sources: Map<string, string>, given: Readonly<Record<string, string>>): Secrets => {
  const versions = new Map<string, string[]>();
  // One value for one source, by whatever names it is read.
  for (const [name, from] of sources) if (Object.hasOwn(given, name)) versions.set(from, [given[name] ?? '']);
  for (const from of sources.values())
    if (!versions.has(from)) versions.set(from, [`made up ${randomBytes(16).toString('hex')}`]);
  return {
    read: async (wanted, pinned) => {
      const values = Object.entries(wanted).map(([name, from]) => {
        const all = versions.get(from) ?? [];
        const version = Number(pinned[name] ?? all.length);
        return [name, { value: all[version - 1] ?? '', version: String(version) }] as const;
      });
      return { kind: 'read', values: Object.fromEntries(values) };
    },
    keep: async (from, value) => {
      const all = versions.get(from) ?? [];
      all.push(value);
      versions.set(from, all);
      return { kind: 'kept', version: String(all.length) };
    },
  };
};
