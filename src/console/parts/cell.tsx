/** A cell where it stands in the document: what it says, and what happened. */
import { useState } from 'preact/hooks';
import { type Cell, type CellReport, call, type EntryOf, type Instance } from '../api.ts';
import { bytes, duration, harmless, stamp } from '../text.ts';
import { Badge } from './badge.tsx';
import { Pre } from './code.tsx';
import { Elements } from './family.tsx';
import { Log } from './log.tsx';
import { Output } from './output.tsx';

const marks = {
  pass: 'holds',
  fail: 'does not hold',
  error: 'could not be evaluated',
  skipped: 'not looked at',
} as const;

const Expectations = ({ expectations }: Pick<CellReport, 'expectations'>) =>
  expectations.length === 0 ? null : (
    <ul class="checks">
      {expectations.map(({ source, result, message, overridden }) => (
        <li key={source} class={overridden ? 'quiet' : result}>
          <span>{overridden ? 'overridden by a person' : marks[result]}</span> <code>{harmless(source)}</code>
          {message === undefined ? null : <span class="small"> {harmless(message)}</span>}
        </li>
      ))}
    </ul>
  );

const save = (name: string, parts: Uint8Array<ArrayBuffer>[]): void => {
  const url = URL.createObjectURL(new Blob(parts));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
};

export const Attached = ({
  instanceId,
  attached,
}: {
  instanceId: string;
  attached: NonNullable<CellReport['attached']>;
}) => {
  const [problem, setProblem] = useState('');
  const load = async (file: number): Promise<void> => {
    try {
      const read: Uint8Array<ArrayBuffer>[] = [];
      const part = async (number: number) => {
        const found = await call('attachment', {
          path: { instanceId, seq: attached.seq },
          query: { file, part: number },
        });
        read.push(Uint8Array.from(atob(found.base64), (one) => one.charCodeAt(0)));
        return found;
      };
      const { parts, name } = await part(1);
      for (let number = 2; number <= parts; number += 1) await part(number);
      save(name, read);
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  return (
    <>
      {attached.files.map((file, index) => (
        <p key={file.name} class="small">
          <button type="button" class="plain" onClick={() => void load(index + 1)}>
            {harmless(file.name)}
          </button>
          , {bytes(file.bytes)}, sha256 {file.sha256.slice(0, 12)}
        </p>
      ))}
      {problem === '' ? null : <p role="alert">{problem}</p>}
    </>
  );
};

const Facts = ({ cell }: { cell: CellReport }) => {
  const { attempts, startedAtMs, endedAtMs, durationMs, by, closedBy, verdict } = cell;
  const facts = [
    attempts > 1 ? `${attempts} attempts` : '',
    startedAtMs === null ? '' : `began ${stamp(startedAtMs)}`,
    durationMs === null || endedAtMs === null ? '' : `took ${duration(durationMs)}`,
    by === null ? '' : `by ${by}`,
    verdict === null ? '' : `verdict ${verdict.verdict} by ${verdict.actor}`,
    closedBy === null || closedBy === 'holder' || verdict !== null ? '' : `settled by its ${closedBy}`,
  ].filter((one) => one !== '');
  return facts.length === 0 ? null : <p class="small quiet">{harmless(facts.join(' · '))}</p>;
};

const Votes = ({ votes }: { votes: EntryOf<'vote'>[] }) =>
  votes.length === 0 ? null : (
    <ul class="checks">
      {votes.map((vote) => (
        <li key={vote.seq}>
          {harmless(vote.by.actor)} {vote.decision}
          {vote.comment === null ? '' : harmless(`: “${vote.comment}”`)}{' '}
          <span class="small quiet">{stamp(vote.atMs)}</span>
        </li>
      ))}
    </ul>
  );

/** There may be more of its log, a probe answers, or people are told. */
const openStates: readonly string[] = ['next', 'running', 'waiting', 'in_doubt', 'unknown', 'halted'];

/** Nothing is noted about it any more: its holder said the last word. Where another did, the holder's own may come late. */
const isSettled = ({ state, closedBy }: CellReport): boolean => closedBy === 'holder' && !openStates.includes(state);

type Props = {
  instance: Instance;
  report: CellReport;
  cell: Cell | undefined;
  source: string | undefined;
  votes: EntryOf<'vote'>[];
};
export const CellCard = ({ instance, report, cell, source, votes }: Props) => {
  const { instanceId } = instance.view;
  const { name, kind, state, seq, error, note, attached, cleanup } = report;
  const isHere = instance.view.cell === name;
  return (
    <section
      class={`cell ${state.replaceAll(/\W+/g, '-')}${isHere ? ' here' : ''}`}
      id={`cell-${name}`}
      aria-label={`Cell ${name}`}
    >
      <p class="cell-head">
        <strong>{name}</strong> <span class="kind">{kind}</span> <Badge status={state} />
        {cell === undefined || cell.interrupted === 'hold' ? null : (
          <span class="small quiet">interrupted={cell.interrupted}</span>
        )}
        {cleanup !== undefined && 'undo' in cleanup ? <span class="small">takes {cleanup.undo} back</span> : null}
      </p>
      <Facts cell={report} />
      {error === null ? null : (
        <p class="error">
          <code>{harmless(error.code)}</code> {harmless(error.message)}
        </p>
      )}
      {note === null ? null : <p class="said">“{harmless(note)}”</p>}
      <Expectations expectations={report.expectations} />
      <Votes votes={votes} />
      {source === undefined ? null : (
        <details open={state === 'next' || state === 'in_doubt' || state === 'halted'}>
          <summary>What it does</summary>
          <Pre text={source.trimEnd()} label={`Text of ${name}`} />
        </details>
      )}
      <Output instanceId={instanceId} cell={report} />
      {attached === undefined ? null : <Attached instanceId={instanceId} attached={attached} />}
      {(kind === 'run' || kind === 'each') && seq !== null && state !== 'waiting' ? (
        <Elements instanceId={instanceId} cell={name} seq={instance.view.seq} />
      ) : null}
      {seq !== null && report.attempts > 0 ? (
        <Log instanceId={instanceId} about={seq} isOver={isSettled(report)} />
      ) : null}
    </section>
  );
};
