/**
 * Checks everything of an instance that can be checked from the store: that each entry follows the one before by its number,
 * its `prev` and its state, that large outputs are what their entries say, that votes are about what was shown, and shown logs what was
 * logged, that what runs is what was started, and that the view is a witness of the same chain. Reads all, changes nothing.
 *
 * What it cannot see: a chain that was rewritten with all its hashes, together with the view. For that a witness from
 * elsewhere is compared: an earlier verification, or the log.
 */
import type { Engine } from '../call/call.ts';
import { logTextOf } from '../call/shownLogs.ts';
import { outputOf } from '../call/texts.ts';
import { createSectionsBegun, type SectionBegun } from '../model/begun.ts';
import { breakBetween } from '../model/chain.ts';
import type { Entry, Unchecked } from '../model/entries.ts';
import { isPawlError, PawlError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { RunEnd } from '../model/runEnd.ts';
import { isSame } from '../model/stored.ts';
import { apply } from '../rules/apply.ts';

type Break = { seq: number; why: string };
export type Verified = {
  instanceId: string;
  intact: boolean;
  entries: number;
  /** The newest entry: keep it elsewhere, and `--against` compares with it. */
  head: { seq: number; hash: string };
  breaks: Break[];
  /** How the run ended, as its newest entry says; `null`: it has not, or that cannot be read. */
  over: RunEnd | null;
  /** What its entries say of elements, which have journals of their own: these are not read. */
  sections: SectionBegun[];
  /** Ended by a person because it was broken. */
  ended: { seq: number; by: string; reason: string } | null;
};

/** What an earlier look at the same chain has seen. */
export type Witness = { seq: number; hash: string; what: string };

const stateBreak = (engine: Engine, before: Entry | undefined, entry: Entry): Break | undefined => {
  let expected: unknown;
  try {
    expected = apply(before?.state ?? null, entry);
  } catch (error) {
    return { seq: entry.seq, why: `it is no legal step: ${error instanceof Error ? error.message : 'unknown'}` };
  }
  // What is not left out alike may still be written alike.
  if (isSame(expected, entry.state) || engine.canonical(expected) === engine.canonical(entry.state)) return undefined;
  return { seq: entry.seq, why: 'the state it says does not follow from the entry before' };
};

const outputBreak = async (engine: Engine, entry: Entry): Promise<Break | undefined> => {
  const output = outputOf(entry);
  if (output?.kind !== 'stored') return undefined;
  try {
    await engine.journal.outputText(output);
    return undefined;
  } catch (error) {
    if (!isPawlError(error, 'journal.broken')) throw error;
    return { seq: entry.seq, why: 'its output is missing, incomplete or altered' };
  }
};

const attachedBreak = async (engine: Engine, entry: Entry): Promise<Break | undefined> => {
  for (const file of entry.kind === 'outcome' ? (entry.attached ?? []) : []) {
    try {
      await engine.journal.file(file);
    } catch (error) {
      if (!isPawlError(error, 'journal.broken')) throw error;
      return { seq: entry.seq, why: `its file ${file.name} is missing, incomplete or altered` };
    }
  }
  return undefined;
};

/** What an approval showed as the log of a step is what is written down of it, and what the step's own outcome says. */
const logsBreak = async (
  engine: Engine,
  entry: Entry,
  logHashes: ReadonlyMap<number, string>,
): Promise<Break | undefined> => {
  for (const [cell, { instanceId, seq, sha256 }] of Object.entries((entry.kind === 'waiting' && entry.logs) || {})) {
    const isUnsaid = instanceId === entry.instanceId && logHashes.get(seq) !== sha256;
    if (isUnsaid) return { seq: entry.seq, why: `what it showed as the log of ${cell} is not what its outcome says` };
    if (engine.sha256(await logTextOf(engine, instanceId, seq)) !== sha256)
      return { seq: entry.seq, why: `the log of ${cell}, which it showed, is missing, incomplete or altered` };
  }
  return undefined;
};

const versionBreak = async (engine: Engine, entry: Entry): Promise<Break | undefined> => {
  if (entry.kind !== 'started') return undefined;
  const { runbookId, version, runHash, seq } = entry;
  try {
    const found = await engine.versions.get(runbookId, version);
    if (found?.runHash === runHash) return undefined;
    const what = found === undefined ? 'is missing' : 'has another content';
    return { seq, why: `version ${version} of ${runbookId}, which it started, ${what}` };
  } catch (error) {
    if (!isPawlError(error, 'journal.broken')) throw error;
    return { seq, why: `version ${version} of ${runbookId}, which it started, cannot be trusted: ${error.message}` };
  }
};

const witnessBreak = ({ seq, hash, what }: Witness, chain: Pick<Unchecked, 'seq' | 'hash'>[]): Break | undefined => {
  const stands = chain[seq];
  if (stands === undefined) return { seq, why: `${what} has seen this entry, and it is missing: the end was cut off` };
  if (stands.hash === hash) return undefined;
  return { seq, why: `${what} has seen another entry here: the chain was rewritten` };
};

/** @throws PawlError `instance.unknown`, `store.unavailable` */
export const verify = async (engine: Engine, instanceId: string, witnesses: Witness[] = []): Promise<Verified> => {
  const breaks: Break[] = [];
  const note = (found: Break | undefined): void => {
    if (found !== undefined) breaks.push(found);
  };
  const chain: Pick<Unchecked, 'seq' | 'hash'>[] = [];
  /** What each approval showed, by the seq of its `waiting` entry. */
  const shown = new Map<number, string | null>();
  /** Of logs that are shown, by the seq of their step. */
  const logHashes = new Map<number, string>();
  const { add, sections } = createSectionsBegun();
  let before: Unchecked | undefined;
  let entries = 0;
  let ended: Verified['ended'] = null;
  // Read before the journal: what it has seen must still be there.
  const view = await engine.views.get(instanceId);
  for (;;) {
    const page = await engine.journal.unchecked(instanceId, before?.seq ?? -1, limits.pageMax);
    for (const one of page) {
      entries += 1;
      chain[one.seq] = { seq: one.seq, hash: one.hash };
      const { entry } = one;
      if (entry === null) note({ seq: one.seq, why: one.why ?? 'it cannot be read' });
      else {
        const broken = breakBetween(before, entry);
        note(broken);
        const isNext = broken === undefined && (before === undefined || before.entry !== null);
        if (isNext) note(stateBreak(engine, before?.entry ?? undefined, entry));
        if (entry.kind === 'waiting') shown.set(entry.seq, entry.shownHash);
        if (entry.kind === 'vote' && shown.get(entry.about) !== entry.shownHash)
          note({ seq: one.seq, why: `the vote is about something else than entry ${entry.about} showed` });
        if (entry.kind === 'outcome' && entry.closes !== null && entry.logHash !== undefined)
          logHashes.set(entry.closes, entry.logHash);
        add(entry);
        note(await versionBreak(engine, entry));
        note(await outputBreak(engine, entry));
        note(await attachedBreak(engine, entry));
        note(await logsBreak(engine, entry, logHashes));
        if (entry.kind === 'cancelled' && entry.broken !== undefined)
          ended = { seq: entry.seq, by: entry.by.actor, reason: entry.reason };
      }
      before = one;
    }
    if (page.length < limits.pageMax) break;
  }
  if (before === undefined) {
    if (view !== undefined && view.headHash !== '') {
      note({ seq: 0, why: 'its view has seen a journal, and there is none' });
      const head = { seq: 0, hash: '' };
      return { instanceId, intact: false, entries, head, breaks, over: null, sections: [], ended };
    }
    throw new PawlError('instance.unknown', `There is no instance ${instanceId}; see \`pawl list\`.`, { instanceId });
  }
  const seen = view === undefined || view.headHash === '' ? [] : [view];
  for (const { seq, headHash } of seen) note(witnessBreak({ seq, hash: headHash, what: 'its view' }, chain));
  for (const witness of witnesses) note(witnessBreak(witness, chain));
  const head = { seq: before.seq, hash: before.hash };
  const over = before.entry?.state.ended ?? null;
  return { instanceId, intact: breaks.length === 0, entries, head, breaks, over, sections: sections(), ended };
};
