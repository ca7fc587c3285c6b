/** By what the list of runs is narrowed: form controls, which write the URL and show what stands in it. */
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { BodyOf } from '../../contract/index.ts';
import type { View } from '../api.ts';
import type { Filter } from '../pages/groups.ts';
import { useWhenQuiet } from '../quiet.ts';
import { statusText } from '../text.ts';

export const statuses: View['status'][] = [
  'in_doubt',
  'halted',
  'broken',
  'waiting',
  'running',
  'ready',
  'completed',
  'failed',
  'rolled_back',
  'cancelled',
];

type ChoiceProps = {
  label: string;
  /** What the choice of none is called. */
  all: string;
  options: { value: string; text: string }[];
  value: string | undefined;
  onChoose(value: string): void;
};
const Choice = ({ label, all, options, value, onChoose }: ChoiceProps) => {
  const id = useId();
  return (
    <label for={id}>
      {label}
      <select id={id} value={value ?? ''} onChange={(event) => onChoose(event.currentTarget.value)}>
        <option value="">{all}</option>
        {options.map((one) => (
          <option key={one.value} value={one.value}>
            {one.text}
          </option>
        ))}
      </select>
    </label>
  );
};

type TypedProps = { label: string; hint: string; value: string | undefined; onDone(value: string): void };
/** Taken when it is typed whole: half of it means something else. */
const Typed = ({ label, hint, value, onDone }: TypedProps) => {
  const id = useId();
  // What is half typed outlasts that the page is made again around it.
  const [text, setText] = useState(value ?? '');
  useEffect(() => setText(value ?? ''), [value]);
  return (
    <label for={id}>
      {label}
      <input
        id={id}
        type="text"
        maxLength={200}
        placeholder={hint}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onChange={(event) => onDone(event.currentTarget.value.trim())}
      />
    </label>
  );
};

/** Taken once it stands for a while, since each one has the whole overview asked for. */
const Search = ({ value, onDone }: { value: string; onDone(value: string): void }) => {
  const id = useId();
  const [text, setText] = useState(value);
  // What was typed since it was taken is not typed over by it.
  const taken = useRef(value);
  useEffect(() => {
    if (value !== taken.current) setText(value);
    taken.current = value;
  }, [value]);
  useWhenQuiet(() => {
    if (text === value) return;
    taken.current = text;
    onDone(text);
  }, [text]);
  return (
    <label for={id}>
      Search
      <input
        id={id}
        type="search"
        maxLength={100}
        placeholder="id, runbook, parameter, who"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
    </label>
  );
};

export type Wanted = Filter & { status?: View['status']; next?: string };
type Props = {
  wanted: Wanted;
  runbooks: BodyOf<'listRunbooks'>['runbooks'];
  /** @param isReplaced whether the page before is not worth going back to */
  onSet(name: keyof Wanted, value: string, isReplaced?: boolean): void;
};
export const Filters = ({ wanted, runbooks, onSet }: Props) => {
  const names = [
    ...new Set([...runbooks.map(({ runbookId }) => runbookId), ...(wanted.runbook ? [wanted.runbook] : [])]),
  ];
  const isFurther = [wanted.actor, wanted.param, wanted.since, wanted.until].some((one) => one !== undefined);
  const typed = (name: 'actor' | 'param' | 'since' | 'until', label: string, hint: string) => (
    <Typed label={label} hint={hint} value={wanted[name]} onDone={(value) => onSet(name, value)} />
  );
  return (
    <search>
      <div class="filters">
        <Search value={wanted.text ?? ''} onDone={(text) => onSet('text', text, true)} />
        <Choice
          label="Runbook"
          all="all"
          options={names.map((name) => ({ value: name, text: name }))}
          value={wanted.runbook}
          onChoose={(name) => onSet('runbook', name)}
        />
        <Choice
          label="Status"
          all="any"
          options={statuses.map((status) => ({ value: status, text: statusText(status) }))}
          value={wanted.status}
          onChoose={(status) => onSet('status', status)}
        />
      </div>
      <details open={isFurther}>
        <summary class="small">Who started it, with which parameter, when</summary>
        <div class="filters further">
          {typed('actor', 'Started by, exactly', 'ada')}
          {typed('param', 'Parameter', 'region=eu-west-1')}
          {typed('since', 'Started since', '2h, 3d or 2026-11-28T09:00Z')}
          {typed('until', 'Started before', '1h or 2026-11-29T09:00Z')}
        </div>
      </details>
    </search>
  );
};
