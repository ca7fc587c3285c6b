/** The elements of a section as a tree, those under way, each with a page of its own. */
import { useRef, useState } from 'preact/hooks';
import type { BodyOf } from '../../contract/index.ts';
import { call, type WaitOf } from '../api.ts';
import { usePolled } from '../poll.ts';
import { instancePath, Link } from '../route.tsx';
import { harmless, shown } from '../text.ts';
import { Badge } from './badge.tsx';

type Each = WaitOf<'each'>;

/** The service tells of so many (`elementsToldMax`). */
const shownMax = 50;
const itemCharsMax = 100;
const itemText = (item: unknown): string => {
  const text = shown(item).replaceAll(/\s+/g, ' ');
  return harmless(text.length > itemCharsMax ? `${text.slice(0, itemCharsMax)}…` : text);
};

/** Its place in the list tells it from others whose text begins alike. */
type ElementProps = { index: number; instanceId: string; item?: unknown; begun: boolean };
const Element = ({ index, instanceId, item, begun }: ElementProps) => (
  <>
    <span class="small quiet">{index}</span>{' '}
    {begun ? <Link to={instancePath(instanceId)}>{itemText(item)}</Link> : itemText(item)}
  </>
);

/** Where the service says it of those under way. */
const notBegun = 'not begun';

type Begun = BodyOf<'elements'>['elements'];

/** `seq`: of the instance, whose journal says all of it. */
type ListProps = { instanceId: string; cell: string; seq: number };
const List = ({ instanceId, cell, seq }: ListProps) => {
  const read = useRef<{ of: string; all: Begun } | undefined>(undefined);
  const { data, error } = usePolled(`elements ${instanceId} ${cell}`, async () => {
    // The whole journal is read for it, so it is asked for when there is more of that; or one has yet to begin, which no entry says.
    const of = `${instanceId} ${cell} ${seq}`;
    if (read.current?.of === of) return read.current.all;
    const all: Begun = [];
    for (let after: number | null | undefined; after !== null; ) {
      const page = await call('elements', { path: { instanceId }, query: { cell, after } });
      all.push(...page.elements);
      after = page.next;
    }
    read.current = all.every(({ begun }) => begun) ? { of, all } : undefined;
    return all;
  });
  if (data === undefined) return <p class="quiet">{error?.message ?? 'Loading…'}</p>;
  return (
    <>
      {error === undefined ? null : <p class="notice warn">{error.message}</p>}
      {data.length === 0 ? <p class="quiet">None.</p> : null}
      <ul class="tree">
        {data.map(({ as, ...one }) => (
          <li key={one.instanceId}>
            <Badge status={as ?? (one.begun ? 'not ended' : notBegun)} /> <Element {...one} />
          </li>
        ))}
      </ul>
    </>
  );
};

/** Every element that began, those that have ended too. Read when it is looked at: below those under way, or else in the document. */
export const Elements = (props: ListProps) => {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>All of {props.cell} that began</summary>
      {isOpen ? <List {...props} /> : null}
    </details>
  );
};

export const Family = ({ instanceId, seq, waits }: { instanceId: string; seq: number; waits: Each }) => {
  const { count, completed, failed, cancelled, underWay, stuck, max, elements } = waits;
  const told = [
    `${completed} of ${count} completed`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(cancelled > 0 ? [`${cancelled} given up`] : []),
    `${underWay} under way`,
    ...(stuck > 0 ? [`${stuck} stuck`] : []),
    `${max} at a time`,
  ];
  return (
    <div class="family">
      <progress max={Math.max(count, 1)} value={completed} aria-label={`${completed} of ${count} elements completed`} />
      <p class="small">{told.join(' · ')}</p>
      <ul class="tree">
        {elements.map((one) => (
          <li key={one.instanceId} class={`depth${Math.min(one.depth, 4)}`}>
            <Badge status={one.status} /> <Element {...one} begun={one.status !== notBegun} />
            <span class="small quiet">
              {one.cell === null ? '' : ` at ${one.cell}`}
              {one.waitsFor ? `, waits for ${harmless(one.waitsFor)}` : ''}
            </span>
          </li>
        ))}
      </ul>
      {elements.length >= shownMax ? <p class="small quiet">Of those under way at most {shownMax} are shown.</p> : null}
      <Elements instanceId={instanceId} cell={waits.cell} seq={seq} />
    </div>
  );
};
