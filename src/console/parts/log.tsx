/** The log of a step, its end first, and what else was noted beside the journal. Read when it is looked at. */
import { useRef, useState } from 'preact/hooks';
import { call, type Note } from '../api.ts';
import { usePolled } from '../poll.ts';
import { harmless, stamp } from '../text.ts';
import { Long } from './code.tsx';

/** With each look at most: what is longer comes with the next ones. */
const pagesMax = 20;

type Page = { after: number | undefined; notes: Note[]; next: number | null };
/** `isOver`: so it was before it was read. */
type Read = { notes: Note[]; isWhole: boolean; isOver: boolean };

/** Notes are only ever added, so all pages but the last are read once. */
const useNotes = (instanceId: string, about: number, isOver: boolean): (() => Promise<Read>) => {
  const read = useRef({ instanceId, about, pages: [] as Page[] });
  if (read.current.instanceId !== instanceId || read.current.about !== about)
    read.current = { instanceId, about, pages: [] };
  return async () => {
    const mine = read.current;
    for (let count = 0; count < pagesMax; count += 1) {
      const last = mine.pages.at(-1);
      const after = last?.next === null ? last.after : last?.next;
      const query = { about, limit: 100, ...(after === undefined ? {} : { after }) };
      const { notes, next } = await call('notes', { path: { instanceId }, query });
      // Two looks at once may have read the same.
      mine.pages = [...mine.pages.filter((page) => page.after !== after), { after, notes, next }].sort(
        (a, b) => (a.after ?? -1) - (b.after ?? -1),
      );
      if (next === null) break;
    }
    return { notes: mine.pages.flatMap(({ notes }) => notes), isWhole: mine.pages.at(-1)?.next === null, isOver };
  };
};

/** Glimpses of a log are left out where its end is there, as the command line does. */
const logOf = (notes: Note[]): string => {
  const pieces = notes.filter(({ kind }) => kind === 'log');
  const end = pieces.findLastIndex(({ glimpse }) => glimpse !== true);
  return pieces
    .filter(({ glimpse }, index) => glimpse !== true || index > end)
    .map(({ text }) => text)
    .join('')
    .trimEnd();
};

const words = {
  fenced: 'came too late to be recorded',
  evidence: 'evidence',
  asked: 'its probe was asked',
  probe: 'its probe answered',
  told: 'people were told',
  log: 'log',
} as const;

/** What a probe answered, without the marks of JSON. */
const noteText = ({ kind, text }: Note): string => {
  if (kind !== 'probe') return text;
  try {
    const { answer, detail } = JSON.parse(text) as { answer: string; detail: string };
    return `${answer}: ${detail}`;
  } catch {
    // A long one was cut.
    return text;
  }
};

/** `isOver`: nothing is added any more, so that it is read to its end once. */
type Props = { instanceId: string; about: number; isOver?: boolean };
export const Notes = ({ instanceId, about, isOver = false }: Props) => {
  const shown = `notes ${instanceId} ${about}`;
  // What was over may be opened again by a person's word about it.
  const key = `${shown} ${isOver}`;
  const isLast = (read: Read): boolean => read.isOver && read.isWhole;
  const { data, error } = usePolled(key, useNotes(instanceId, about, isOver), undefined, shown, isLast);
  if (data === undefined) return <p class="quiet">{error?.message ?? 'Loading…'}</p>;
  const others = data.notes.filter(({ kind }) => kind !== 'log');
  const text = logOf(data.notes);
  return (
    <>
      {data.isWhole ? null : <p class="notice warn">Not read to its end yet: more of it comes.</p>}
      {text === '' && data.isWhole ? <p class="quiet">Its log is empty.</p> : null}
      {text === '' ? null : <Long text={text} label="Log" end />}
      {others.map((note) => (
        <div key={`${note.kind} ${note.atMs} ${note.text}`}>
          <p class="small">
            {words[note.kind]}, {stamp(note.atMs)}, {harmless(note.by.actor)}
          </p>
          <Long text={noteText(note)} label={words[note.kind]} />
        </div>
      ))}
    </>
  );
};

/** @param of for whoever hears it, where there are several */
export const Log = ({ of, ...props }: Props & { of?: string }) => {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Log and notes{of === undefined ? null : <span class="hidden"> of {harmless(of)}</span>}</summary>
      {isOpen ? <Notes {...props} /> : null}
    </details>
  );
};
