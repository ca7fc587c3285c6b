/**
 * Every expression that guards or changes data. DynamoDB is sent them as they are, every other table service interprets
 * them (`expressions.ts`): the set is closed, so that it can interpret exactly these strings, and so that what guards the
 * data can be read in one place.
 *
 * `#name` stands for the attribute `name`, except `#pk` and `#sk`: partition and sort key of the table or index.
 */

/** Guards every put into the append-only tables: nothing stands at these keys. */
export const free = 'attribute_not_exists(#pk)';
/** The same without a condition that could be forgotten: an INSERT is refused by the service where something stands. */
export const inserting = (table: string, names: string[]): string =>
  `INSERT INTO "${table}" VALUE {${names.map((name) => `'${name}': ?`).join(', ')}}`;

/** Key conditions of queries. */
export const queries = {
  all: '#pk = :pk',
  after: '#pk = :pk AND #sk > :sk',
  before: '#pk = :pk AND #sk < :sk',
} as const;

type Form = { condition: string; update: string };

const counted = '#runbookId = if_not_exists(#runbookId, :runbookId), #arms = if_not_exists(#arms, :zero) + :one';
const dueLater = '(attribute_not_exists(#dueAtMs) OR #dueAtMs > :until)';
const dueEarly = '#dueAtMs <= :until';
const armedLess = '(attribute_not_exists(#armedUntilMs) OR #armedUntilMs < :until)';
const armedLong = '#armedUntilMs >= :until';
/** In the part of the index where it stands; where it stands in none, in that of home. */
const dueThere = '#dueAtMs = :until, #dueShard = if_not_exists(#dueShard, :dueShard)';

/**
 * `arm`: dueAtMs = min(standing, :until), armedUntilMs = max(standing, :until). DynamoDB has neither min nor max, hence
 * one form for each of the four cases. The conditions exclude one another and leave no case out, so a caller that fails on
 * one form tries the one that fits what it then sees.
 */
export const arming = {
  dueAndArmed: {
    condition: `${dueLater} AND ${armedLess}`,
    update: `SET ${counted}, ${dueThere}, #armedUntilMs = :until`,
  },
  due: {
    condition: `${dueLater} AND ${armedLong}`,
    update: `SET ${counted}, ${dueThere}`,
  },
  armed: {
    condition: `${dueEarly} AND ${armedLess}`,
    update: `SET ${counted}, #armedUntilMs = :until`,
  },
  neither: {
    condition: `${dueEarly} AND ${armedLong}`,
    update: `SET ${counted}`,
  },
} as const satisfies Record<string, Form>;

/**
 * `wake`: dueAtMs = min(standing, :until), and no writer is announced that may still be writing. Two cases, as in `arm`.
 */
export const waking = {
  due: { condition: dueLater, update: arming.due.update },
  dueAlready: { condition: dueEarly, update: arming.neither.update },
} as const satisfies Record<string, Form>;

/** A later wait of the same cell stands in the same place: what an earlier one still sends leaves that as it is. */
export const subscribing = 'attribute_not_exists(#about) OR #about <= :about';
export const leaving = '#about = :about';

/** The last look of a poll, beside the views. */
export const looking = { condition: subscribing, update: 'SET #about = :about, #look = :look' } as const satisfies Form;

/** The turn of a call that decides about many: nobody's any more, or of a clock that has been set back since. */
export const pacing = {
  condition: 'attribute_not_exists(#about) OR #about <= :now OR #about > :latest',
  update: 'SET #about = :about',
} as const satisfies Form;

const summary = [
  'revision',
  'status',
  'runbookId',
  'version',
  'cell',
  'cellsDone',
  'cells',
  'drive',
  'place',
  'startedAtMs',
  'updatedAtMs',
  'startedBy',
  'params',
  'waitsFor',
  'headHash',
  'statusShard',
  'runbookShard',
  'newest',
]
  .map((field) => `#${field} = :${field}`)
  .join(', ');
const notOlder = '(attribute_not_exists(#revision) OR #revision <= :revision)';
const sooner = '(attribute_not_exists(#dueAtMs) OR #dueAtMs > :due)';
const alone = `${notOlder} AND #arms = :arms`;

/**
 * `save`. With `alone…` no caller armed the view since its writer did, and none before it may still be writing: the due
 * mark becomes exactly the view's own. With `last…` one before it may: the due mark may come down to :due but never
 * goes up or away, and `armedUntilMs` is theirs again, or a schedule that looks every minute would arm for ever. With
 * `beside…` another caller armed since, and its arm stands. Whichever mark stands then, it stands at the place of the newest
 * view: at one that has nobody, it would be looked at by nobody. `dueShard` alone is in no index.
 */
export const saving = {
  aloneDue: {
    condition: alone,
    update: `SET ${summary}, #dueAtMs = :due, #dueShard = :dueShard REMOVE #armedUntilMs`,
  },
  aloneIdle: {
    condition: alone,
    update: `SET ${summary} REMOVE #dueAtMs, #dueShard, #armedUntilMs`,
  },
  lastSooner: {
    condition: `${alone} AND ${sooner}`,
    update: `SET ${summary}, #dueAtMs = :due, #dueShard = :dueShard, #armedUntilMs = :others`,
  },
  lastAsItStands: {
    condition: alone,
    update: `SET ${summary}, #dueShard = :dueShard, #armedUntilMs = :others`,
  },
  besideSooner: {
    condition: `${notOlder} AND ${sooner}`,
    update: `SET ${summary}, #dueAtMs = :due, #dueShard = :dueShard`,
  },
  besideAsItStands: {
    condition: notOlder,
    update: `SET ${summary}, #dueShard = :dueShard`,
  },
} as const satisfies Record<string, Form>;

/** `hold`: what is due and no view is due later, while one looks after it; its time counts as that of an arm. */
export const holding = {
  condition:
    'attribute_not_exists(#revision) AND #dueAtMs <= :now AND (attribute_not_exists(#armedUntilMs) OR #armedUntilMs <= :now)',
  update: 'SET #dueAtMs = :until, #armedUntilMs = :until, #arms = if_not_exists(#arms, :zero) + :one',
} as const satisfies Form;

/** `forget`: any view may be saved after it, also one of an earlier entry. */
export const forgetting = { condition: '#revision = :revision', update: 'REMOVE #revision' } as const satisfies Form;

const armedOnly = 'attribute_not_exists(#revision) AND #arms = :arms';
/**
 * `settle`, of what was armed and is no view: no caller armed since. With `last…` one before may still be writing: as
 * in `save`, the due mark stays and `armedUntilMs` is theirs again.
 */
export const settling = {
  alone: { condition: armedOnly, update: 'REMOVE #dueAtMs, #dueShard, #armedUntilMs' },
  lastAsItStands: { condition: armedOnly, update: 'SET #armedUntilMs = :others' },
} as const satisfies Record<string, Form>;

/**
 * `drop`: what was armed and never saved, and not armed since :until, is due no more. `arm` brings it back. The
 * condition rests on `armedUntilMs` too: an arm that comes in between leaves an early due mark as it stands.
 */
export const dropping = {
  condition:
    'attribute_not_exists(#revision) AND #dueAtMs <= :until AND (attribute_not_exists(#armedUntilMs) OR #armedUntilMs <= :until)',
  update: 'REMOVE #dueAtMs, #dueShard, #armedUntilMs',
} as const satisfies Form;
