/** The place of this process, as the engine asks about it. */
import {
  type Here,
  isNeverHanded,
  isPawlError,
  isPlace,
  type Needs,
  PawlError,
  placeForm,
  variableOf,
} from '../engine/index.ts';
import { type Allow, isListed } from './allow.ts';
import { absoluteFolders, missingOf } from './needs.ts';

/** Where cells find programs; as cells/code hands it on. */
const defaultPath = '/usr/local/bin:/usr/bin:/bin';

/**
 * The place that PAWL_PLACE names.
 * @throws PawlError `request.invalid`
 */
export const placeIn = (env: NodeJS.ProcessEnv, otherwise: string): string => {
  const place = env.PAWL_PLACE || otherwise;
  if (isPlace(place)) return place;
  throw new PawlError('request.invalid', `PAWL_PLACE is ${JSON.stringify(place)}: ${placeForm}.`);
};

const allowOr = (read: () => Allow): Allow | string => {
  try {
    return read();
  } catch (error) {
    if (!isPawlError(error)) throw error;
    return error.message;
  }
};

type Place = Pick<Here, 'place' | 'home'>;

/** What a report on this machine says beside what is missing: where programs are looked for, and what is not allowed. */
export type OnThisMachine = { here: Here; path: string[]; unlisted(variables: string[]): string[] };

/** Of variables that are never handed to a cell no list would help; one that may be absent, and is, needs none. */
export const lookOnThisMachine = (place: Place, env: NodeJS.ProcessEnv, read: () => Allow): OnThisMachine => ({
  here: openHere(place, env, read),
  path: absoluteFolders(env.PATH ?? defaultPath),
  unlisted: (variables) => {
    const allow = allowOr(read);
    if (typeof allow === 'string') return [];
    const wanted = variables.map(variableOf).filter(({ name, isOptional }) => !isOptional || env[name] !== undefined);
    return wanted.flatMap(({ name }) => (isNeverHanded(name) || isListed(allow.env, name) ? [] : [name]));
  },
});

/**
 * A place that runs cells on this machine. What it has and allows is looked at anew each time, so that a run goes on once it is there.
 * @param allow as `readAllow` gives it, or throws
 */
export const openHere = (place: Place, env: NodeJS.ProcessEnv, allow: () => Allow): Here => ({
  ...place,
  missing: (needs) => missingOf(needs, env, env.PATH ?? defaultPath, allowOr(allow)),
});

/**
 * A place that runs cells by functions of their own, into which it cannot look: it has what its settings say, PAWL_PROGRAMS (names
 * with spaces between them) and the variables that it allows. Whether one is set there it cannot see: `NAME?` has to be allowed as well.
 */
export const openRemoteHere = (place: Place, env: NodeJS.ProcessEnv, read: () => Allow): Here => ({
  ...place,
  missing: async ({ programs, env: variables }: Needs) => {
    const has = (env.PAWL_PROGRAMS ?? '').split(/\s+/);
    const allow = allowOr(read);
    const lists = (name: string): boolean => typeof allow !== 'string' && isListed(allow.env, name);
    const why = typeof allow === 'string' ? ` (${allow})` : ', which allow.env of this place does not list';
    return [
      ...programs.filter((name) => !has.includes(name)).map((name) => `program ${name} (not in PAWL_PROGRAMS)`),
      ...variables.flatMap((need) => (lists(variableOf(need).name) ? [] : [`env ${variableOf(need).name}${why}`])),
    ];
  },
});
