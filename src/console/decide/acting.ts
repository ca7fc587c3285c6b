/** One act of a person at a time: what came of it, and, where somebody else was first, who that was and what they said. */
import type { RefObject } from 'preact';
import { useState } from 'preact/hooks';
import { call, type Entry, type Instance, Refused } from '../api.ts';
import { entryText } from '../parts/entryText.ts';
import { clock } from '../text.ts';
import { useTold } from '../told.ts';

/** `run`: another one that it is about. */
type Told = { tone: 'good' | 'warn' | 'bad'; text: string; lines: string[]; run?: string };

type Act = (does: () => Promise<string>) => Promise<boolean>;
export type Acting = {
  act: Act;
  isBusy: boolean;
  told: Told | undefined;
  /** Where what came of it is told: it has the focus from the act on, since what the act was done with goes away. */
  at: RefObject<HTMLDivElement | null>;
};

/** What else stands in the journal after what was seen: whoever was first. */
const readWinners = async (instanceId: string, seq: number): Promise<Entry[]> => {
  const { entries } = await call('journal', { path: { instanceId }, query: { after: seq } });
  return entries.filter(({ kind }) => kind !== 'renewed' && kind !== 'progress');
};

/** What people say, rather than what a run does by itself. */
const isWord = (entry: Entry): boolean =>
  ['vote', 'control', 'cancelled'].includes(entry.kind) ||
  ((entry.kind === 'resolved' || entry.kind === 'outcome') && entry.closedBy === 'person');

const toldOf = async (error: unknown, { view: { instanceId, seq } }: Instance, actor: string): Promise<Told> => {
  const { message } = error as Error;
  if (!(error instanceof Refused) || error.status !== 409) return { tone: 'bad', text: message, lines: [] };
  if (error.code === 'actor.other') return { tone: 'warn', text: message, lines: [] };
  if (error.code === 'instance.exists' && error.instanceId !== undefined) {
    const text = 'Nothing was started: that run is there already, and began otherwise than this form says.';
    return { tone: 'warn', text, lines: [], run: error.instanceId };
  }
  const winners = await readWinners(instanceId, seq).catch(() => []);
  if (winners.length === 0) return { tone: 'warn', text: message, lines: [] };
  const words = winners.filter(isWord);
  const ownWords = words.filter(({ by }) => by.actor === actor);
  const first = words.length > 0 ? 'Somebody was first' : 'The run went on meanwhile';
  return {
    tone: 'warn',
    // Its answer may have been lost.
    text:
      ownWords.length > 0
        ? `The journal has a word of yours already: look whether it is this one. It was not recorded a second time. (${message})`
        : `${first}: what you decided was not recorded, and nothing was done because of it. (${message})`,
    lines: (words.length > 0 ? words : winners).map((entry) => `${clock(entry.atMs)}  ${entryText(entry)}`),
  };
};

/** @param actor who acts here */
export const useActing = (instance: Instance | undefined, reload: () => Promise<void>, actor: string): Acting => {
  const [isBusy, setBusy] = useState(false);
  const [told, setTold] = useState<Told>();
  const { at, begin } = useTold(told, isBusy);
  const act: Act = async (does) => {
    if (instance === undefined || isBusy) return false;
    setBusy(true);
    setTold(undefined);
    begin();
    try {
      const text = await does();
      setTold({ tone: 'good', text, lines: [] });
      return true;
    } catch (error) {
      setTold(await toldOf(error, instance, actor));
      return false;
    } finally {
      await reload();
      setBusy(false);
    }
  };
  return { act, isBusy, told, at };
};
