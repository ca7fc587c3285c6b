/** Cells that wait for a time (`wait`), and `poll=` on cells without effects. */
import { type Cell, type Holds, limits, type Scope } from '../engine/index.ts';
import { textOfAttribute } from './attributes.ts';
import { readDuration } from './commonAttributes.ts';
import type { ProbeKind } from './kinds.ts';
import {
  type BodyOf,
  choose,
  lasts,
  literalOf,
  needsTime,
  type Reading,
  type Rendered,
  readLasting,
} from './lasting.ts';
import { cronProblem, timeProblem, zoneProblem } from './moments.ts';
import { asText, readTemplate, render } from './templates.ts';
import { quote, type Report, type Text, trim } from './text.ts';

const ways = ['for', 'until', 'cron'] as const;

export const readWait = (body: Text, reading: Reading): BodyOf<'wait'> => {
  const { attributes, around, reads, report, at } = reading;
  if (body.text.trim() !== '')
    report(trim(body).at(0), 'a `wait` cell has no body; its reason belongs into the text around it');
  const given = ways.filter((way) => attributes.has(way));
  const second = attributes.get(given[1] ?? '');
  if (given.length === 0)
    report(at, 'a `wait` cell says how long: `for=10m`, `until="2026-12-24T08:00:00Z"` or `cron="0 9 * * 1-5"`');
  if (second !== undefined) report(second.at, `\`${given[0]}\` and \`${given[1]}\` exclude each other; keep one`);
  const untilText = textOfAttribute('until', attributes, report);
  const until = untilText === undefined ? null : readTemplate(untilText, asText, around, reads, report);
  const literal = until === null ? undefined : literalOf(until);
  const timeWrong = literal === undefined || literal === '' ? undefined : timeProblem(literal);
  if (timeWrong !== undefined && untilText !== undefined) report(untilText.at(0), timeWrong);
  const cron = textOfAttribute('cron', attributes, report);
  const zone = textOfAttribute('tz', attributes, report);
  const tz = zone?.text || 'UTC';
  if (zone !== undefined && cron === undefined)
    report(zone.at(0), '`tz` is the time zone of `cron=`; `until` carries its own');
  const zoneWrong = zone === undefined ? undefined : zoneProblem(tz);
  if (zoneWrong !== undefined && zone !== undefined) report(zone.at(0), zoneWrong);
  const cronWrong = cron === undefined || cron.text === '' ? undefined : cronProblem(cron.text);
  if (cronWrong !== undefined && cron !== undefined) report(cron.at(0), cronWrong);
  return { kind: 'wait', forMs: readLasting('for', reading), until, cron: cron?.text ?? null, tz };
};

const withoutEffects: Readonly<Record<string, string>> = {
  retry: 'it is repeated anyway',
  retryOn: 'it is repeated anyway',
  interrupted: 'it has no effects that could be in doubt',
  settle: 'it has no effects that could be in doubt',
  keyWindow: 'it has no effects that a key stands for',
  failedOn: 'what is not as expected is looked at again, whatever its status',
  unknownOn: 'what is not as expected is looked at again, whatever its status',
};

/** For how long, or in how many looks in a row, a poll has to hold. */
const readHolds = ({ attributes, report }: Reading): Holds | undefined => {
  const [holds, times] = [attributes.get('holds'), attributes.get('times')];
  if (holds !== undefined && times !== undefined) report(times.at, '`holds` and `times` exclude each other; keep one');
  const forMs = readDuration('holds', attributes, limits.waitMsMin, limits.waitMsMax, report);
  const text = textOfAttribute('times', attributes, report);
  if (text === undefined || text.text === '') return forMs === undefined ? undefined : { forMs };
  const count = /^\d{1,6}$/.test(text.text) ? Number(text.text) : 0;
  if (count >= 2 && count <= limits.timesMax) return { times: count };
  report(
    text.at(0),
    `\`times\` is a whole number from 2 to ${limits.timesMax} (timesMax), not ${quote(text.text)}; without it, once is enough`,
  );
  return undefined;
};

/** `poll=30s within=2h onTimeout=continue holds=30m` of a cell without effects. */
export const readPoll = (kind: ProbeKind, hasExpectations: boolean, reading: Reading, note: Report): Cell['poll'] => {
  const { attributes, report } = reading;
  const poll = attributes.get('poll');
  if (poll === undefined) {
    for (const name of ['within', 'onTimeout', 'holds', 'times']) {
      const given = attributes.get(name);
      if (given !== undefined) report(given.at, `\`${name}\` belongs to a cell that is repeated; it needs \`poll=\``);
    }
    return undefined;
  }
  for (const [name, why] of Object.entries(withoutEffects)) {
    const given = attributes.get(name);
    if (given !== undefined)
      report(given.at, `\`${name}\` cannot stand beside \`poll\`: a \`${kind}\` cell that only looks, and ${why}`);
  }
  if (!hasExpectations)
    report(poll.at, 'a cell with `poll` is repeated until its expectations hold; add a `cel { expect=… }` fence');
  needsTime('onTimeout', 'within', reading);
  const holds = readHolds(reading);
  if (!attributes.has('within'))
    note(poll.at, '`poll=` without `within=` is repeated for as long as it takes; add `within=2h`, say, for an end');
  return {
    everyMs: readDuration('poll', attributes, limits.pollMsMin, limits.pollMsMax, report) ?? limits.pollMsMax,
    withinMs: readLasting('within', reading),
    onTimeout: choose('onTimeout', ['fail', 'continue'], 'fail', reading),
    ...(holds === undefined ? {} : { holds }),
  };
};

export const renderWait = ({ until, forMs, cron, tz }: BodyOf<'wait'>, scope: Scope): Rendered => {
  const rendered = until === null ? null : render(until, scope, timeProblem);
  if (rendered?.kind === 'error') return rendered;
  const lasting = forMs === null ? null : lasts(forMs, scope);
  if (lasting?.kind === 'error') return lasting;
  return { kind: 'body', body: { kind: 'wait', forMs: lasting?.ms ?? null, until: rendered?.text ?? null, cron, tz } };
};
