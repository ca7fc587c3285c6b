/** What was played held against what the journals say: of the run, and of each element of its sections. */
import { expect } from 'vitest';
import type { Entry, RunEnd } from '../../src/engine/index.ts';
import { judge } from '../chaos/judge.ts';
import type { Saw } from '../chaos/processes.ts';
import { attemptsOf } from '../support/scene.ts';
import { type Kill, type Played, type Procedure, sourceOf } from './play.ts';

/** The kinds of permission that the author of the document gives for a further attempt. A person may always. */
const permitsOf = (source: string) => (cell: string) => {
  const named = cell.startsWith('undo_') ? `(?:name=${cell}|undo=${cell.slice('undo_'.length)})` : `name=${cell}`;
  const [, words = ''] = new RegExp(`^\`\`\`\\w+ \\{ ${named}\\b(.*)\\}$`, 'm').exec(source) ?? [];
  return [
    'person',
    ...(/\bretry=[1-9]/.test(words) ? ['retry'] : []),
    ...(/\binterrupted=retry\b/.test(words) ? ['interrupted'] : []),
    ...(/\binterrupted=probe\b/.test(words) ? ['probe'] : []),
  ];
};

/** Nowhere does a secret stand: not in what was printed, not in the folder of data, plain or as base64. */
export const expectHidden = ({ stage }: Played, value: string): void => {
  const said = stage.said();
  expect(said.length).toBeGreaterThan(10_000);
  for (const form of [value, Buffer.from(value).toString('base64').slice(0, -4)])
    expect(said.includes(form)).toBe(false);
};

const reservedIn = (entries: Entry[], cell?: string): number[] =>
  attemptsOf(entries).flatMap((one) => (cell === undefined || one.cell === cell ? [one.seq] : []));
/** Cells with attempts that have completed, in order. */
const completedIn = (entries: Entry[]): string[] => {
  const reserved = reservedIn(entries);
  return entries.flatMap((one) => {
    const isDone =
      (one.kind === 'outcome' && one.status === 'completed' && one.closes !== null && reserved.includes(one.closes)) ||
      (one.kind === 'resolved' && one.verdict === 'succeeded' && reserved.includes(one.about));
    return isDone ? [one.cell] : [];
  });
};
/** Who closed its first attempt. */
const closedBy = (entries: Entry[], cell: string): string | undefined => {
  const [first] = reservedIn(entries, cell);
  const closing = entries.find(
    (one) => (one.kind === 'outcome' && one.closes === first) || (one.kind === 'resolved' && one.about === first),
  );
  return closing !== undefined && 'closedBy' in closing ? closing.closedBy : undefined;
};

export type Witnessed = {
  /** The cells that change the world and completed, in order. */
  cells: string[];
  /** The same of every element of a section, by the name of the section; of one that went another way by its own. */
  elements?: Record<string, string[]>;
  /** How elements ended that did not complete, by their names. */
  ends?: Record<string, RunEnd>;
  /** Of all of them, those that do several things: a part of these may have happened although the whole has not. */
  several?: string[];
};

const idOf = (key: string): string => key.split('/').slice(0, 5).join('/');
const cellOf = (key: string): string => key.split('/')[3] ?? '';
/** Whoever is killed leaves every element in doubt that was under way. */
const sectionOf = (element: string): string => element.replace(/(-\d+)?\.\d+$/, '');

/** What was done, as a witness of each step would tell it. */
const seenIn = ({ noted }: Played, several: string[]): Saw[] => {
  const did = noted.filter(({ kind, key }) => kind === 'did' && key !== '');
  return [...new Set(did.map(({ key }) => idOf(key)))].flatMap((key) => {
    const mine = did.filter((one) => idOf(one.key) === key);
    const times = Math.max(
      ...mine.map((one) => mine.filter((other) => other.what === one.what && other.key === one.key).length),
    );
    const began = Array.from({ length: times }, () => ({ what: 'begin' as const, key, seq: null }));
    const effects = mine.map(({ atMs }) => ({
      what: 'effect' as const,
      key,
      seq: null,
      ...(several.includes(cellOf(key)) ? {} : { atMs }),
    }));
    return [...began, ...effects];
  });
};

/**
 * Nothing happened twice without permission: the same call came with a key as often as the journal of its own chain has attempts
 * of it, each further one stands there after a permission that author or person gave, and what is recorded as done was done.
 */
export const expectPermitted = (
  { name, runs = [] }: Procedure,
  played: Played,
  kills: Kill[],
  { cells, elements = {}, ends = {}, several = [] }: Witnessed,
): void => {
  const { entries } = played;
  const endOf = (element: string): string | undefined => (element === '' ? played.result : ends[element]);
  const permits = permitsOf([name, ...runs].map(sourceOf).join('\n'));
  const id = entries[0]?.instanceId ?? '';
  const seen = seenIn(played, several);
  const journals = new Map([['', entries], ...played.elements]);
  const wrong: string[] = [];
  for (const [element, own] of journals) {
    const ownId = element === '' ? id : `${id}~${element}`;
    const changing = element === '' ? cells : (elements[element] ?? elements[sectionOf(element)] ?? []);
    const completed = completedIn(own);
    const isWitnessed = (cell: string): boolean => changing.includes(cell);
    expect([element, completed.filter(isWitnessed)]).toEqual([element, changing]);
    const judged = judge(
      new Map([[ownId, own]]),
      seen.filter(({ key }) => key.split('/')[2] === ownId),
      {
        permits,
        cells: completed,
        mayBeUnseen: (_, attempt) =>
          kills.some((kill) => kill.cell === attempt.cell && sectionOf(kill.element ?? '') === sectionOf(element)),
        isWitnessed,
      },
    );
    wrong.push(...judged.wrong.filter((one) => !one.endsWith(` as ${endOf(element)}`)));
  }
  expect(wrong).toEqual([]);
  // Nothing was done by anybody who has no journal.
  const ids = [...journals.keys()].map((element) => (element === '' ? id : `${id}~${element}`));
  expect(seen.filter(({ key }) => !ids.includes(key.split('/')[2] ?? ''))).toEqual([]);
  // Each kill left a doubt, which its holder did not settle.
  const closers = kills.map(({ cell, element }) => closedBy(journals.get(element ?? '') ?? [], cell));
  expect(kills.map(({ cell }, index) => [cell, closers[index]])).toEqual(
    kills.map(({ cell, verdict }) => {
      const otherwise = permits(cell).includes('probe') ? 'probe' : 'policy';
      return [cell, verdict === undefined ? otherwise : 'person'];
    }),
  );
};
