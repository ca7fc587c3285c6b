/** What the stores of secrets have in common. */

/**
 * `gone`: there is a secret, and not the version that was asked for. `missing`: there is none, or it is refused. `later`: the
 * store gave no answer. The texts name no value.
 */
export type Found =
  | { kind: 'read'; value: string; version: string }
  | { kind: 'gone' }
  | { kind: 'missing'; why: string }
  | { kind: 'later'; why: string };

/** `kept`: it stands there as that version. `lost`: it may, or does not. */
type Kept = { kind: 'kept'; version: string } | { kind: 'lost'; why: string };

export type Source = {
  /** @param at what follows the name of the store; @param version the one to read; `undefined`: the newest */
  read(at: string, version: string | undefined): Promise<Found>;
  keep(at: string, value: string): Promise<Kept>;
};

/** The version of what has none of its own: it tells whether the value is the same, and nothing of it. */
export type VersionOf = (value: string) => string;

/** What a file or a variable holds is its only version. */
export const ofOnlyVersion = (value: string, version: string | undefined, versionOf: VersionOf): Found => {
  const now = versionOf(value);
  return version === undefined || version === now ? { kind: 'read', value, version: now } : { kind: 'gone' };
};
