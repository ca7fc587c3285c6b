/** A runbook as it is written: its document, with each cell where it stands. */
import { allCells, type Cell, type Version } from '../api.ts';
import { Markdown } from '../markdown.tsx';
import { harmless } from '../text.ts';
import { Pre } from './code.tsx';
import { Attachment } from './document.tsx';

const roleOf = ({ cleanup }: Cell): string => {
  if (cleanup === undefined) return '';
  return 'undo' in cleanup ? `takes ${cleanup.undo} back` : `gone through on ${cleanup.on}`;
};

const Card = ({ cell, content }: { cell: Cell; content: string }) => (
  <section class="cell" id={`cell-${cell.name}`} aria-label={`Cell ${cell.name}`}>
    <p class="cell-head">
      <strong>{cell.name}</strong> <span class="kind">{cell.body.kind}</span>
      {roleOf(cell) === '' ? null : <span class="small">{roleOf(cell)}</span>}
      {cell.when === null ? null : (
        <span class="small quiet">
          when <code>{harmless(cell.when.source)}</code>
        </span>
      )}
    </p>
    <Pre text={content.trimEnd()} label={`Text of ${cell.name}`} />
  </section>
);

export const Written = ({ version: { source, runbook } }: { version: Version }) => {
  const byLine = new Map(allCells(runbook.cells).map((cell) => [cell.line, cell]));
  // The title stands above the page already.
  const shown = source
    .split('\n')
    .map((line) => (line === `# ${runbook.title}` ? '' : line))
    .join('\n');
  const place = {
    fence: (line: number, info: string, content: string) => {
      const cell = byLine.get(line);
      if (cell !== undefined) return <Card cell={cell} content={content} />;
      return info.includes('{') ? <Attachment info={info} content={content} /> : undefined;
    },
    heading: (line: number) => {
      const cell = byLine.get(line);
      if (cell === undefined) return undefined;
      return (
        <p class="section-state">
          <span class="kind">{cell.body.kind === 'branch' ? 'section' : 'for each element'}</span> {cell.name}
          {cell.when === null ? null : (
            <>
              {' '}
              when <code>{harmless(cell.when.source)}</code>
            </>
          )}
          {cell.body.kind === 'each' ? (
            <>
              {' '}
              <code>{harmless(cell.body.over.source)}</code>
            </>
          ) : null}
        </p>
      );
    },
  };
  return (
    <section aria-label="Runbook" class="document">
      <h2 class="hidden">The document</h2>
      <Markdown source={shown} place={place} />
    </section>
  );
};
