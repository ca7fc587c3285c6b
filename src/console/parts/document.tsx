/** The runbook as a document, each cell with what happened where it stands; what is gone through at the end stands apart. */
import { allCells, type Cell, type Entry, type EntryOf, type Instance, type Version } from '../api.ts';
import { Markdown } from '../markdown.tsx';
import { harmless } from '../text.ts';
import { Badge } from './badge.tsx';
import { CellCard } from './cell.tsx';
import { Pre } from './code.tsx';
import { Elements } from './family.tsx';

type Props = { instance: Instance; version: Version; entries: Entry[] };

/** Of an element: the part of the document that it goes through. */
const partOf = (source: string, cells: readonly Cell[], isElement: boolean): { from: number; to: number } => {
  const lines = source.split('\n');
  if (!isElement || cells.length === 0) return { from: 1, to: lines.length };
  const first = Math.min(...cells.map(({ line }) => line));
  const last = Math.max(...cells.map(({ line }) => line));
  const close = lines.findIndex((line, index) => index >= last && /^\s*(`{3,}|~{3,})\s*$/.test(line));
  return { from: first, to: close === -1 ? lines.length : close + 1 };
};

const votesByCell = (entries: Entry[]): Map<string, EntryOf<'vote'>[]> => {
  const votes = new Map<string, EntryOf<'vote'>[]>();
  for (const entry of entries)
    if (entry.kind === 'vote') votes.set(entry.cell, [...(votes.get(entry.cell) ?? []), entry]);
  return votes;
};

export const Document = ({ instance, version, entries }: Props) => {
  const all = allCells(version.runbook.cells);
  const reports = new Map(instance.cells.map((report) => [report.name, report]));
  const own = all.filter(({ name }) => reports.has(name));
  const isElement = own.length < all.length && version.runbook.cells.every(({ name }) => !reports.has(name));
  const byLine = new Map(all.map((cell) => [cell.line, cell]));
  const { from, to } = partOf(version.source, own, isElement);
  // The title stands above the page already.
  const titleAt = version.source.split('\n').indexOf(`# ${instance.title}`);
  const source = version.source
    .split('\n')
    .map((line, index) => (index + 1 >= from && index + 1 <= to && index !== titleAt ? line : ''))
    .join('\n');
  const votes = votesByCell(entries);
  const failurePath = own.filter(({ cleanup }) => cleanup !== undefined);

  const cardOf = (cell: Cell, content: string | undefined) => {
    const report = reports.get(cell.name);
    if (report === undefined)
      return (
        <section class="cell inner" aria-label={`Cell ${cell.name}`}>
          <p class="cell-head">
            <strong>{cell.name}</strong> <span class="kind">{cell.body.kind}</span>{' '}
            <span class="small quiet">gone through by each element of its section</span>
          </p>
          <details>
            <summary>What it does</summary>
            <Pre text={(content ?? '').trimEnd()} label={`Text of ${cell.name}`} />
          </details>
        </section>
      );
    return (
      <CellCard instance={instance} report={report} cell={cell} source={content} votes={votes.get(cell.name) ?? []} />
    );
  };

  const place = {
    fence: (line: number, info: string, content: string) => {
      const cell = byLine.get(line);
      if (cell?.cleanup !== undefined)
        return (
          <p class="small quiet">
            {cell.name} is gone through at the end: see <a href={`#cell-${cell.name}`}>the failure path</a>.
          </p>
        );
      if (cell !== undefined) return cardOf(cell, content);
      return info.includes('{') ? <Attachment info={info} content={content} /> : undefined;
    },
    heading: (line: number) => {
      const cell = byLine.get(line);
      const report = cell === undefined ? undefined : reports.get(cell.name);
      if (report === undefined) return undefined;
      return (
        <>
          <p class="section-state" id={`cell-${report.name}`}>
            <span class="kind">{report.kind}</span> {report.name} <Badge status={report.state} />
          </p>
          {cell?.body.kind === 'each' && report.seq !== null && report.state !== 'waiting' ? (
            <Elements instanceId={instance.view.instanceId} seq={instance.view.seq} cell={report.name} />
          ) : null}
        </>
      );
    },
  };
  return (
    <>
      <section aria-label="Runbook" class="document">
        <h2 class="hidden">Its document</h2>
        <Markdown source={source} place={place} />
      </section>
      {failurePath.length === 0 ? null : (
        <section class="document failure" aria-label="Failure path">
          <h2>At the end of the run</h2>
          <p class="quiet small">Gone through when it fails, is cancelled or ends, as each says; never on the way.</p>
          {failurePath.map((cell) => {
            const on = cell.cleanup !== undefined && 'on' in cell.cleanup ? cell.cleanup.on : undefined;
            return (
              <div key={cell.name}>
                {on === undefined ? null : <p class="small">On {on}:</p>}
                {cardOf(cell, textAt(version.source, cell.line))}
              </div>
            );
          })}
        </section>
      )}
    </>
  );
};

/** A fence that belongs to a cell: its expectations, its probe, a schema. */
export const Attachment = ({ info, content }: { info: string; content: string }) => (
  <details class="attached">
    <summary>
      {harmless(
        info
          .replace(/^\w+\s*/, '')
          .replaceAll(/[{}]/g, '')
          .trim(),
      )}
    </summary>
    <Pre text={content.trimEnd()} label={info} />
  </details>
);

/** What stands between the marks of the fence that begins there. */
const textAt = (source: string, line: number): string => {
  const lines = source.split('\n').slice(line);
  const end = lines.findIndex((one) => /^\s*(`{3,}|~{3,})\s*$/.test(one));
  return lines.slice(0, end === -1 ? undefined : end).join('\n');
};
