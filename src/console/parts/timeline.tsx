/** The journal, newest first: every entry, with its JSON one click away, and whether the chain holds. */
import { useState } from 'preact/hooks';
import type { Entry } from '../api.ts';
import { clock, stamp } from '../text.ts';
import { Pre } from './code.tsx';
import { entryText, entryTone } from './entryText.ts';
import { Verify } from './verify.tsx';

const shownAtFirst = 40;

const Raw = ({ entry }: { entry: Entry }) => {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        Entry {entry.seq}, {entry.kind}
      </summary>
      {isOpen ? <Pre text={JSON.stringify(entry, null, 2)} label={`JSON of entry ${entry.seq}`} /> : null}
    </details>
  );
};

export const Timeline = ({ instanceId, entries }: { instanceId: string; entries: Entry[] }) => {
  const [isWhole, setWhole] = useState(false);
  const newest = entries.toReversed();
  const seen = isWhole ? newest : newest.slice(0, shownAtFirst);
  return (
    <section class="timeline" aria-label="What happened">
      <h2>What happened</h2>
      <Verify instanceId={instanceId} />
      <ol reversed>
        {seen.map((entry) => (
          <li key={entry.seq} class={entryTone(entry)}>
            <time dateTime={new Date(entry.atMs).toISOString()} title={stamp(entry.atMs)}>
              {clock(entry.atMs)}
            </time>
            <div>
              <p>{entryText(entry)}</p>
              <Raw entry={entry} />
            </div>
          </li>
        ))}
      </ol>
      {seen.length < newest.length ? (
        <button type="button" class="plain" onClick={() => setWhole(true)}>
          Show all {newest.length}
        </button>
      ) : null}
    </section>
  );
};
