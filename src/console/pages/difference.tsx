/** What differs between two versions, side by side; on a phone one below the other. */
import { useId, useMemo, useState } from 'preact/hooks';
import { allCells, type Version } from '../api.ts';
import { compare, folded, type Piece, type Row } from '../parts/compare.ts';
import { useHead } from '../parts/head.ts';
import { go, Link, runbookPath } from '../route.tsx';
import { harmless, plural } from '../text.ts';

const Text = ({ pieces, isGone }: { pieces: Piece[]; isGone: boolean }) => (
  <code>
    {pieces.map(({ text, isChanged }, index) => {
      const Mark = isGone ? 'del' : 'ins';
      return isChanged ? <Mark key={index}>{harmless(text)}</Mark> : harmless(text);
    })}
  </code>
);

const Line = ({ row }: { row: Row }) => {
  const { before, after, isSame } = row;
  return (
    <tr class={isSame ? 'same' : 'changed'}>
      <td class="number">{before?.line}</td>
      <td class={`before${before === undefined ? ' none' : ''}`}>
        {before === undefined ? null : <Text pieces={before.pieces} isGone />}
      </td>
      <td class="number right">{after?.line}</td>
      <td class={`after right${after === undefined ? ' none' : ''}`}>
        {after === undefined ? null : <Text pieces={after.pieces} isGone={false} />}
      </td>
    </tr>
  );
};

/** Versions of the same text may run other versions of other runbooks. */
const runsOf = ({ runbook }: Version): Map<string, string> =>
  new Map(
    allCells(runbook.cells).flatMap(({ name, body }) =>
      body.kind === 'run' ? [[name, `${body.pin.runbookId}@${body.pin.version}`]] : [],
    ),
  );

const Runs = ({ before, after }: { before: Version; after: Version }) => {
  const [old, now] = [runsOf(before), runsOf(after)];
  const changed = [...now].filter(([name, run]) => old.has(name) && old.get(name) !== run);
  if (changed.length === 0) return null;
  return (
    <ul>
      {changed.map(([name, run]) => (
        <li key={name}>
          <strong>{name}</strong> runs <code>{harmless(run)}</code>, and ran{' '}
          <code>{harmless(old.get(name) ?? '')}</code>
        </li>
      ))}
    </ul>
  );
};

type ChooseProps = { label: string; value: number; newest: number; onChoose(version: number): void };
const Choose = ({ label, value, newest, onChoose }: ChooseProps) => {
  const id = useId();
  return (
    <label for={id}>
      {label}
      <select id={id} value={String(value)} onChange={(event) => onChoose(Number(event.currentTarget.value))}>
        {Array.from({ length: newest }, (_, index) => newest - index).map((version) => (
          <option key={version} value={String(version)}>
            version {version}
          </option>
        ))}
      </select>
    </label>
  );
};

type Props = { before: Version; after: Version; newest: number };
export const Difference = ({ before, after, newest }: Props) => {
  const { runbookId } = after;
  const [from, to] = [before.version, after.version];
  const [isWhole, setWhole] = useState(false);
  const rows = useMemo(() => compare(before.source, after.source), [before, after]);
  const changed = rows.filter(({ isSame }) => !isSame).length;
  useHead(`${after.title} v${from} and v${to} · Pawl`, 'nobody');
  const choose = (one: number, other: number): void => go(runbookPath(runbookId, { from: one, to: other }));
  return (
    <>
      <h1>{harmless(after.title)}</h1>
      <p class="id">
        <Link to={runbookPath(runbookId)}>{harmless(runbookId)}</Link>, what differs between version {from} and {to}
      </p>
      <div class="filters choices">
        <Choose label="From" value={from} newest={newest} onChoose={(version) => choose(version, to)} />
        <Choose label="To" value={to} newest={newest} onChoose={(version) => choose(from, version)} />
      </div>
      <p role="status">{changed === 0 ? 'The documents are the same.' : `${plural(changed, 'line')} changed.`}</p>
      <Runs before={before} after={after} />
      {changed === 0 ? null : (
        <>
          <table class="difference">
            <caption class="hidden">
              Version {from} beside version {to}
            </caption>
            <colgroup>
              <col class="number" />
              <col />
              <col class="number" />
              <col />
            </colgroup>
            <thead>
              <tr>
                <th scope="colgroup" colSpan={2}>
                  Version {from}
                </th>
                <th scope="colgroup" colSpan={2}>
                  Version {to}
                </th>
              </tr>
            </thead>
            <tbody>
              {(isWhole ? rows : folded(rows)).map((row, index) =>
                typeof row === 'number' ? (
                  <tr key={index} class="gap">
                    <td colSpan={4}>{plural(row, 'line')} the same</td>
                  </tr>
                ) : (
                  <Line key={`${row.before?.line} ${row.after?.line}`} row={row} />
                ),
              )}
            </tbody>
          </table>
          {isWhole ? null : (
            <button type="button" class="plain" onClick={() => setWhole(true)}>
              Show all lines
            </button>
          )}
        </>
      )}
    </>
  );
};
