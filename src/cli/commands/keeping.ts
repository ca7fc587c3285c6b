/** verify, rebuild and backup: whether what is stored can be trusted, making again what can be lost, keeping the rest. */
import type { BodyOf } from '../../contract/index.ts';
import { isChild, isPawlError, PawlError } from '../../engine/index.ts';
import { backup } from '../backup.ts';
import type { Client } from '../client.ts';
import { elementIdOf } from '../elementIds.ts';
import { type Exit, exitOfError, exits } from '../exits.ts';
import { plural } from '../format.ts';
import { storeAt, tellNothing } from '../nothing.ts';
import { harmless, type Screen } from '../screen.ts';
import type { Answer, Session } from '../session.ts';
import { shellWord } from '../shellWord.ts';
import { readWitnesses, type Witnesses } from '../witnesses.ts';
import { type AddCommands, withExamples } from './common.ts';

type Verified = BodyOf<'verify'>;
/** What its parent's journal says of an element's end; `as`: `null` where it has seen none. */
type SeenEnd = { parentId: string; as: Verified['over'] };
type Refused = { instanceId: string; code: string; message: string; exit: Exit };

/** Every instance that ever started, and every one that has a view: if one of them was removed, the other shows it. */
const everyId = async ({ client }: Session): Promise<Set<string>> => {
  const ids = new Set<string>();
  let next: string | null = null;
  do {
    const page: BodyOf<'journals'> = await client.journals({ query: next === null ? {} : { next } });
    for (const id of page.instanceIds) ids.add(id);
    next = page.next;
  } while (next !== null);
  do {
    const page: BodyOf<'listInstances'> = await client.listInstances({
      query: next === null ? { limit: 100 } : { limit: 100, next },
    });
    for (const { instanceId } of page.views) ids.add(instanceId);
    next = page.next;
  } while (next !== null);
  return ids;
};

/** `null`: an element that may begin, and that nobody began yet. @param seen what its parent's journal says of an element's end */
const verifyOne = async (
  client: Client,
  instanceId: string,
  witnesses: Witnesses,
  seen: SeenEnd | undefined,
): Promise<Verified | null> => {
  const witness = witnesses.get(instanceId) ?? {};
  try {
    const verified = await client.verify({ path: { instanceId }, query: witness });
    if (!verified.intact || seen?.as == null || verified.over === seen.as) return verified;
    const why = `${seen.parentId} has seen it end ${seen.as}, and ${verified.over === null ? 'it has not ended' : `it ended ${verified.over}`}`;
    return { ...verified, intact: false, breaks: [{ seq: verified.head.seq, why }] };
  } catch (error) {
    if (!isPawlError(error, 'instance.unknown')) throw error;
    if (seen?.as === null) return null;
    if (seen === undefined && !witnesses.has(instanceId)) throw error;
    const whose = seen === undefined ? 'the witness has seen a journal' : `${seen.parentId} has seen it end ${seen.as}`;
    const breaks = [{ seq: 0, why: `${whose}, and there is none` }];
    const head = { seq: 0, hash: '' };
    return { instanceId, intact: false, entries: 0, head, breaks, over: null, sections: [], ended: null };
  }
};

const printBroken = (screen: Screen, { instanceId, breaks, ended }: Verified): void => {
  screen.print(`${screen.paint(ended === null ? 'bad' : 'warn', 'broken')}  ${screen.paint('strong', instanceId)}`);
  for (const { seq, why } of breaks) screen.print(`  seq ${seq}: ${harmless(why)}`);
  if (ended !== null) {
    screen.print(`  Ended because of it by ${harmless(ended.by)}: ${harmless(ended.reason)}`);
    return;
  }
  screen.print('  Nothing runs in it. Compare it with a backup and restore it, or end it:');
  screen.print(`  pawl cancel ${shellWord(instanceId)} --reason "…"`);
};

/** Its elements, each with what its journal says of their ends. */
const elementsIn = ({ instanceId, sections }: Verified): [string, SeenEnd][] =>
  sections.flatMap(({ cell, visit, begun, ended }) => {
    const ends = new Map(ended.map(({ index, as }) => [index, as]));
    return begun.map((index): [string, SeenEnd] => [
      elementIdOf({ instanceId, cell, index }, visit),
      { parentId: instanceId, as: ends.get(index) ?? null },
    ]);
  });

/** One after the other: a check reads everything of an instance. One that cannot be read holds up none of the others. `ids` may grow meanwhile. */
const eachOf = async <T>(
  { screen, interruption }: Session,
  ids: string[],
  doing: string,
  work: (instanceId: string) => Promise<T>,
): Promise<{ done: T[]; refused: Refused[]; left: number }> => {
  const done: T[] = [];
  const refused: Refused[] = [];
  const announceStop = (): void => screen.print('Interrupted: the one under way is finished.');
  return await interruption.during(announceStop, async (signal) => {
    for (const [at, instanceId] of ids.entries()) {
      if (signal.aborted) return { done, refused, left: ids.length - at };
      screen.status(`${doing} ${at + 1} of ${ids.length}: ${instanceId}`);
      try {
        done.push(await work(instanceId));
      } catch (error) {
        if (!isPawlError(error)) throw error;
        refused.push({ instanceId, code: error.code, message: error.message, exit: exitOfError(error) });
        screen.print(
          `${screen.paint('bad', error.code)}  ${screen.paint('strong', instanceId)}: ${harmless(error.message)}`,
        );
        if (error.code === 'store.unavailable') return { done, refused, left: ids.length - at - 1 };
      }
    }
    return { done, refused, left: 0 };
  });
};

const exitOf = (refused: Refused[], left: number, session: Session): Exit => {
  if (left > 0) return session.interruption.signal.aborted ? exits.interrupted : exits.later;
  const kinds = [...new Set(refused.map(({ exit }) => exit))];
  return kinds.length > 1 ? exits.failed : (kinds[0] ?? exits.done);
};

const assertSome = (ids: string[], all: boolean | undefined): void => {
  if (all === true && ids.length > 0) throw new PawlError('request.invalid', 'Give ids, or --all, not both.');
  if (all !== true && ids.length === 0) throw new PawlError('request.invalid', 'Give the ids of instances, or --all.');
};

const verify = async (
  session: Session,
  given: string[],
  options: { all?: boolean; against?: string },
): Promise<Answer> => {
  assertSome(given, options.all);
  const { screen, client } = session;
  const witnesses: Witnesses = options.against === undefined ? new Map() : await readWitnesses(options.against);
  const ids =
    options.all === true ? [...new Set([...(await everyId(session)), ...witnesses.keys()])].sort() : [...given];
  const known = new Set(ids);
  const seenEnds = new Map<string, SeenEnd>();
  const check = async (instanceId: string): Promise<Verified | null> => {
    const verified = await verifyOne(client, instanceId, witnesses, seenEnds.get(instanceId));
    if (verified === null) return null;
    for (const [elementId, seen] of elementsIn(verified)) {
      seenEnds.set(elementId, seen);
      if (!known.has(elementId)) ids.push(elementId);
      known.add(elementId);
    }
    if (!verified.intact) printBroken(screen, verified);
    return verified;
  };
  const { done, refused, left } = await eachOf(session, ids, 'Verifying', check);
  const verified = done.filter((one) => one !== null);
  const elements = verified.filter(({ instanceId }) => isChild(instanceId)).length;
  const broken = verified.filter(({ intact }) => !intact);
  const open = broken.filter(({ ended }) => ended === null);
  const entries = verified.reduce((sum, one) => sum + one.entries, 0);
  const against = options.against === undefined ? '' : ` Compared with ${options.against}.`;
  const counted = entries === 1 ? '1 entry' : `${entries} entries`;
  const found = broken.length === 0 ? 'nothing is broken' : `${broken.length} broken`;
  const ofThem = elements === 0 ? '' : `, ${elements} of them of elements`;
  const unread = refused.length === 0 ? '' : ` ${plural(refused.length, 'id')} not verified, for what is said above.`;
  // Of no journal nothing can be said.
  const told =
    verified.length === 0 && refused.length > 0
      ? `Verified nothing.${unread}`
      : `Verified ${plural(verified.length, 'journal')}${ofThem}, ${counted}: ${found}.${against}${unread}`;
  if (ids.length === 0) await tellNothing(session, told);
  else screen.print(told);
  if (left > 0) screen.print(screen.paint('warn', `${plural(left, 'journal')} left unverified.`));
  const exit = open.length > 0 ? exits.failed : exitOf(refused, left, session);
  return { exit, document: { verified, refused, left, ...(await storeAt(session)) } };
};

const rebuild = async (session: Session, given: string[], options: { all?: boolean }): Promise<Answer> => {
  assertSome(given, options.all);
  const { screen, client } = session;
  const ids = options.all === true ? [...(await everyId(session))].sort() : given;
  const make = async (instanceId: string) => (await client.rebuild({ path: { instanceId } })).view;
  const { done: views, refused, left } = await eachOf(session, ids, 'Rebuilding', make);
  const told = `Rebuilt ${plural(views.length, 'view')} from the journals.`;
  if (ids.length === 0) await tellNothing(session, told);
  else screen.print(told);
  if (left > 0) screen.print(screen.paint('warn', `${plural(left, 'view')} left as they were.`));
  return { exit: exitOf(refused, left, session), document: { views, refused, left, ...(await storeAt(session)) } };
};

export const addKeeping: AddCommands = (program, run) => {
  const verifying = program.command('verify').argument('[instances...]', 'ids of instances');
  verifying.description(
    'Checks everything of an instance: that each entry follows the one before by number, hash and state, its large outputs,\nwhat voters were shown, the version that runs, and what its view has seen; then the same of its elements, and that they ended as it\nsays. Changes nothing.\n\nA chain that was rewritten as a whole shows only against a witness that is kept elsewhere: what `pawl verify --all --json`\nprinted earlier, or the log lines of the puts. Exits with 1 when something is broken.',
  );
  verifying
    .option('--all', 'every instance that ever started or has a view')
    .option('--against <file>', 'compare with an earlier `verify --json`, or with log lines');
  withExamples(
    verifying,
    'pawl verify post_merge.pr-7',
    'pawl verify --all --json > heads.json',
    'pawl verify --all --against heads.json',
  ).action(run(verify));

  const rebuilding = program.command('rebuild').argument('[instances...]', 'ids of instances');
  rebuilding.description(
    'Makes the views of instances again from their journals, and with them what makes them due and wakes them: after the views\nwere lost, or restored from a backup. A running service does so by itself within a day.',
  );
  rebuilding.option('--all', 'every instance that ever started');
  withExamples(rebuilding, 'pawl rebuild --all').action(run(rebuild));

  const backing = program.command('backup').argument('<file>', 'the copy, which must not be there yet');
  backing.description(
    'Copies the store of this machine as it stands at one moment, while others go on writing. The copy is on the disk when the\ncommand ends; it holds everything that was acknowledged before it began. A `cp` of pawl.db alone is no backup: what was\nwritten last stands beside it, in pawl.db-wal.',
  );
  withExamples(backing, 'pawl backup /backups/pawl-monday.db').action(run(backup));
};
