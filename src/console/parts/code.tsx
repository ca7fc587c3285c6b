/** What others wrote, as text. What scrolls can be reached by the keyboard. */
import { useState } from 'preact/hooks';
import { bytes, harmless } from '../text.ts';

const charsMax = 4_000;
const linesMax = 40;

export const Pre = ({ text, label }: { text: string; label: string }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard
  // biome-ignore lint/a11y/useSemanticElements: no fields, but a text with a name
  <pre tabIndex={0} aria-label={label} role="group">
    {harmless(text)}
  </pre>
);

/** What is long shows its end first, or its beginning, and all of it when it is asked for. */
export const Long = ({ text, label, end = false }: { text: string; label: string; end?: boolean }) => {
  const [isWhole, setWhole] = useState(false);
  const lines = text.split('\n');
  const few = end ? lines.slice(-linesMax).join('\n') : lines.slice(0, linesMax).join('\n');
  const part = end ? few.slice(-charsMax) : few.slice(0, charsMax);
  const isCut = part.length < text.length;
  return (
    <>
      {isCut && !isWhole && end ? <More text={text} onMore={() => setWhole(true)} what="the beginning" /> : null}
      <Pre text={isWhole ? text : part} label={label} />
      {isCut && !isWhole && !end ? <More text={text} onMore={() => setWhole(true)} what="the rest" /> : null}
    </>
  );
};

const More = ({ text, what, onMore }: { text: string; what: string; onMore(): void }) => (
  <button type="button" class="plain" onClick={onMore}>
    Show {what} too ({bytes(text.length)} in all)
  </button>
);
