/** Logs as cells told them: the notes of each step put together. */
import type { Note } from '../engine/index.ts';

/**
 * One note for each step that said anything, in the order in which they began: glimpses are left out where the end is there.
 * @param notes oldest first, of any kind
 */
export const wholeLogs = (notes: Note[]): Note[] => {
  const steps = new Map<number, Note[]>();
  for (const note of notes) {
    if (note.kind === 'log') steps.set(note.about, [...(steps.get(note.about) ?? []), note]);
  }
  return [...steps.values()].flatMap((pieces) => {
    const end = pieces.findLastIndex(({ glimpse }) => glimpse !== true);
    const told = pieces.filter(({ glimpse }, index) => glimpse !== true || index > end);
    const [first] = told;
    return first === undefined ? [] : [{ ...first, text: told.map(({ text }) => text).join('') }];
  });
};
