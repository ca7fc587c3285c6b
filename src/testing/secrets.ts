/**
 * Secrets of a test: those that were given for it, and what its cells make of them, by versions that can all be read. What was not
 * given is made up, and only cells that are answered for have that: nothing in the world is told a made-up secret.
 */
import { randomBytes } from 'node:crypto';
import type { Runbook, Secrets } from '../engine/index.ts';

export const createSecrets = ({ secrets = {} }: Runbook, given: Readonly<Record<string, string>>): Secrets => {
  const versions = new Map<string, string[]>();
  for (const [name, { from }] of Object.entries(secrets))
    versions.set(from, versions.get(from) ?? [given[name] ?? `made up ${randomBytes(16).toString('hex')}`]);
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
