/** What a cell returned, folded; a large one by its parts. */
import { useState } from 'preact/hooks';
import { type CellReport, call } from '../api.ts';
import { bytes, pretty } from '../text.ts';
import { Long } from './code.tsx';

const Parts = ({ instanceId, seq }: { instanceId: string; seq: number }) => {
  const [read, setRead] = useState<{ text: string; part: number; parts: number; truncated: boolean }>();
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);
  const more = async (): Promise<void> => {
    // A second press before the answer would read the same part twice.
    if (isBusy) return;
    setBusy(true);
    setProblem('');
    try {
      const part = (read?.part ?? 0) + 1;
      const found = await call('output', { path: { instanceId, seq }, query: { part } });
      setRead({ ...found, text: (read?.text ?? '') + found.text });
    } catch (error) {
      setProblem((error as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      {read === undefined ? null : (
        <Long text={read.part === read.parts ? pretty(read.text) : read.text} label="Output" />
      )}
      {read?.truncated ? <p class="small">Only its beginning was kept.</p> : null}
      {problem === '' ? null : <p role="alert">{problem}</p>}
      {read !== undefined && read.part >= read.parts ? null : (
        <button type="button" class="plain" disabled={isBusy} onClick={() => void more()}>
          {read === undefined ? 'Read it' : `Read part ${read.part + 1} of ${read.parts}`}
        </button>
      )}
    </>
  );
};

export const Output = ({ instanceId, cell }: { instanceId: string; cell: CellReport }) => {
  const { output, outputSeq, outputBytes } = cell;
  if (outputSeq === null) return null;
  const size = outputBytes === null ? '' : `, ${bytes(outputBytes)}`;
  const isWhole = output !== null && (outputBytes === null || new Blob([output]).size >= outputBytes);
  return (
    <details>
      <summary>Output{size}</summary>
      {isWhole && output !== null ? (
        <Long text={pretty(output)} label={`Output of ${cell.name}`} />
      ) : (
        <Parts instanceId={instanceId} seq={outputSeq} />
      )}
    </details>
  );
};
