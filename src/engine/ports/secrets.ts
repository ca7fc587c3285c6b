/** Secrets: read before a body is carried out, kept where one has made them. */

/**
 * `missing`: what the cell waits for, in words: a secret that is not there, that this place may not have, or whose store does not
 * answer. `gone`: the pinned version is not there any more.
 */
export type SecretsRead =
  | { kind: 'read'; values: Record<string, { value: string; version: string }> }
  | { kind: 'missing'; what: string[] }
  | { kind: 'gone'; what: string };

/** Where secrets come from at this place. Nothing of it is journalled but names and versions. Neither throws. */
export type Secrets = {
  /** @param wanted `from` by name @param pinned the version to read, by name; of the others the newest */
  read(wanted: Record<string, string>, pinned: Record<string, string>): Promise<SecretsRead>;
  /** Puts a new value there. `lost`: it may not stand there. */
  keep(from: string, value: string): Promise<{ kind: 'kept'; version: string } | { kind: 'lost'; why: string }>;
};
