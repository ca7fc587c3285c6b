/** Places: where cells can run. */
import * as z from 'zod';

/** As `at=` says that any place will do; and a word that is kept for the place whose service looks after everything else. */
export const anyPlace = 'any';
const kept = [anyPlace, 'home'];

/** The CLI and `pawl serve`, unless their settings say otherwise. */
export const localPlace = 'local';
/** The functions on AWS. */
export const lambdaPlace = 'lambda';

export const placeName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/)
  .refine((text) => !kept.includes(text));
export const isPlace = (text: string): boolean => placeName.safeParse(text).success;

/** How a name of a place has to be, as refusals say it. */
export const placeForm =
  'a place is a small letter and up to 31 small letters, digits and dashes, and neither `any` nor `home`';

/** What a cell needs of the place where it runs. A variable with a `?` is handed on where it is set, and is not missing where not. */
export type Needs = { programs: string[]; env: string[] };

export const programName = /^[A-Za-z0-9._+-]{1,128}$/;
export const variableNeed = /^[A-Za-z_][A-Za-z0-9_]{0,127}\??$/;
export const variableOf = (need: string): { name: string; isOptional: boolean } => {
  const isOptional = need.endsWith('?');
  return { name: isOptional ? need.slice(0, -1) : need, isOptional };
};

const neverHanded = [
  /^PAWL_/,
  // The last three are older names of the first three, which some tools set beside them.
  /^AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|ACCESS_KEY|SECRET_KEY|SECURITY_TOKEN)$/,
  /^AWS_CONTAINER_/,
  /^AWS_WEB_IDENTITY_/,
  /^NODE_OPTIONS$/,
  /^(LD|DYLD)_/,
];

/**
 * Variables that no cell is handed, whatever a place allows: Pawl's own settings and token, the credentials of its store, and what
 * would run code of another's choice.
 */
export const isNeverHanded = (name: string): boolean => neverHanded.some((pattern) => pattern.test(name.toUpperCase()));
