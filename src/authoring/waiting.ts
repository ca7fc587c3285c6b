/** The cells that wait: `await` for claims, `approve` for votes, `wait` for a time; and `poll=` on cells without effects. */
import type {
  ApproveBody,
  AwaitBody,
  Cell,
  CellBody,
  ClaimStatus,
  Holds,
  Lasting,
  Lasts,
  RenderedBody,
  Scope,
  Template,
} from '../engine/index.ts';
import { claimStatuses, limits } from '../engine/index.ts';
import { type Attributes, parseDuration, textOfAttribute } from './attributes.ts';
import { evaluate } from './evaluate.ts';
import { checkExpression } from './expressions.ts';
import { type ProbeKind, readDuration } from './kinds.ts';
import { cronProblem, timeProblem, zoneProblem } from './moments.ts';
import { readShows } from './shows.ts';
import type { Reads, Surroundings } from './surroundings.ts';
import { asText, readTemplate, render } from './templates.ts';
import { foldCase, list, type Position, quote, type Report, slice, suggest, type Text, trim } from './text.ts';
import { type Field, readYaml } from './yaml.ts';

export type Reading = { attributes: Attributes; around: Surroundings; reads: Reads; report: Report; at: Position };
type BodyOf<K extends CellBody['kind']> = Extract<CellBody, { kind: K }>;

/** Takes the value of an attribute that is one of a few words. */
const choose = <T extends string>(name: string, of: readonly T[], normal: T, { attributes, report }: Reading): T => {
  const text = textOfAttribute(name, attributes, report);
  if (text === undefined || text.text === '') return normal;
  const found = of.find((one) => one === text.text);
  if (found === undefined)
    report(
      text.at(0),
      `\`${name}\` is ${list(of).replace(' and ', ' or ')}, not ${quote(text.text)}${suggest(text.text, of)}`,
    );
  return found ?? normal;
};

/** `later` says what happens at the end of the time that `name` gives; without a time it says nothing. */
const needsTime = (later: string, name: string, { attributes, report }: Reading): void => {
  const given = attributes.get(later);
  if (given !== undefined && !attributes.has(name))
    report(given.at, `\`${later}\` says what happens when the time is over; it needs \`${name}=\``);
};

/** A duration as it is written, or by a placeholder: then it is judged when the wait begins. */
export const readLasting = (
  name: string,
  { attributes, around, reads, report }: Omit<Reading, 'at'>,
): Lasting | null => {
  const value = attributes.get(name)?.value;
  if (value?.text.includes('{{')) return readTemplate(value, asText, around, reads, report);
  return readDuration(name, attributes, limits.waitMsMin, limits.waitMsMax, report) ?? null;
};

export const lasts = (lasting: Lasting, scope: Scope): Lasts => {
  if (typeof lasting === 'number') return { kind: 'ms', ms: lasting };
  const rendered = render(lasting, scope);
  if (rendered.kind === 'error') return rendered;
  const ms = parseDuration(rendered.text, limits.waitMsMin, limits.waitMsMax);
  if (typeof ms === 'number') return { kind: 'ms', ms };
  return { kind: 'error', message: `How long it waits: ${ms} (${textIn(lasting)}).` };
};

/** A template as it was written. */
const textIn = (template: Template): string =>
  template.map((part) => (typeof part === 'string' ? part : `{{ ${part.expression} }}`)).join('');

const claimIdPattern = /^[A-Za-z0-9](?:[A-Za-z0-9._-]|\/(?!\/|$))*$/;
const claimIdProblem = (id: string): string | undefined =>
  id.length <= limits.claimIdCharsMax && claimIdPattern.test(id)
    ? undefined
    : `${quote(id)} is no claim id: 1 to ${limits.claimIdCharsMax} letters, digits, dots, dashes, underscores and single slashes between them (claimIdCharsMax)`;

const literalOf = (template: Template): string | undefined =>
  template.every((part) => typeof part === 'string') ? template.join('') : undefined;

export const readClaim = (
  text: Text,
  { around, reads, report }: Pick<Reading, 'around' | 'reads' | 'report'>,
): Template => {
  if (text.text === '') report(text.at(0), 'a claim id is missing here');
  const template = readTemplate(text, asText, around, reads, report);
  const literal = literalOf(template);
  const problem = literal === undefined || literal === '' ? undefined : claimIdProblem(literal);
  if (problem !== undefined) report(text.at(0), problem);
  return template;
};

/** The texts of a list, or of the one text that stands in its place. */
const textsOf = ({ key, valueAt, value, text, items }: Field, report: Report): Text[] => {
  const all = items() ?? (typeof value === 'string' ? [text] : []);
  if (all.length === 0) report(valueAt, `\`${key}\` is a text or a list of texts`);
  return all;
};

const awaitKeys = ['claim', 'all', 'any', 'until', 'if'];
const selectors = ['claim', 'all', 'any'];

const readUntil = (field: Field, report: Report): ClaimStatus[] =>
  textsOf(field, report).flatMap((text) => {
    const found = claimStatuses.find((status) => status === text.text);
    if (found === undefined)
      report(
        text.at(0),
        `a claim is ${list(claimStatuses).replace(' and ', ' or ')}, not ${quote(text.text)}${suggest(text.text, claimStatuses)}`,
      );
    return found === undefined ? [] : [found];
  });

export const readAwait = (body: Text, reading: Reading): BodyOf<'await'> => {
  const { around, reads, report, at } = reading;
  const found: AwaitBody = { claims: [], match: 'all', until: [], condition: null, withinMs: null, onTimeout: 'fail' };
  found.withinMs = readLasting('timeout', reading);
  found.onTimeout = choose('onTimeout', ['fail', 'continue'], 'fail', reading);
  needsTime('onTimeout', 'timeout', reading);
  const missing = (what: string): void => report(body.text.trim() === '' ? at : body.at(0), what);
  if (body.text.trim() === '') {
    missing('an `await` cell says what it waits for, as in `claim: ci/main` and `until: supported`');
    return { kind: 'await', ...found };
  }
  const fields = readYaml(body, report, 'the body of an `await` cell');
  if (fields === undefined) return { kind: 'await', ...found };
  for (const field of fields) {
    const { key, text } = field;
    if (!awaitKeys.includes(key))
      report(
        field.at,
        `unknown key ${quote(key)} in an \`await\` cell${suggest(key, awaitKeys) || `; known are ${list(awaitKeys)}`}`,
      );
    else if (key === 'until') found.until = readUntil(field, report);
    else if (key === 'if') {
      checkExpression(text, true, { ...around, roots: [...around.roots, 'claim'] }, reads, report);
      found.condition = { source: text.text, line: text.at(0).line };
    } else {
      if (found.claims.length > 0)
        report(field.at, `${list(selectors.map((one) => `\`${one}\``))} exclude each other; keep one`);
      found.claims = textsOf(field, report).map((one) => readClaim(one, reading));
      found.match = key === 'any' ? 'any' : 'all';
      if (found.claims.length > limits.claimsPerAwaitMax)
        report(
          field.valueAt,
          `an \`await\` cell waits for at most ${limits.claimsPerAwaitMax} claims (claimsPerAwaitMax)`,
        );
    }
  }
  if (!fields.some(({ key }) => selectors.includes(key)))
    missing('an `await` cell names a claim: `claim: <id>`, or `all:` or `any:` with a list of ids');
  if (!fields.some(({ key }) => key === 'until'))
    missing(`an \`await\` cell says which status it waits for: \`until: supported\` (${list(claimStatuses)})`);
  return { kind: 'await', ...found };
};

const caseCounts = 'case counts in a vote, so keep the one that the authorizer writes';

/** A list in an attribute: `"alice, bob, {{ params.owner }}"`. Commas inside of a placeholder divide nothing. */
const readNames = (name: string, { attributes, around, reads, report }: Reading): Template[] => {
  const text = textOfAttribute(name, attributes, report);
  if (text === undefined || text.text === '') return [];
  const names: Text[] = [];
  let start = 0;
  const masked = text.text.replace(/\{\{.*?\}\}/gs, (found) => '_'.repeat(found.length));
  for (let offset = 0; offset <= masked.length; offset += 1) {
    if (offset < masked.length && masked[offset] !== ',') continue;
    names.push(trim(slice(text, start, offset)));
    start = offset + 1;
  }
  const seen = new Map<string, string>();
  return names.map((one) => {
    const template = readTemplate(one, asText, around, reads, report);
    const literal = literalOf(template);
    // Expressions may differ in case and mean different things.
    const key = literal === undefined ? one.text : foldCase(one.text);
    const earlier = seen.get(key);
    seen.set(key, one.text);
    const problem = literal === undefined || literal === '' ? undefined : nameProblem(literal);
    if (one.text === '') report(one.at(0), `a name is missing in \`${name}\``);
    else if (problem !== undefined) report(one.at(0), problem);
    else if (earlier === one.text) report(one.at(0), `${quote(one.text)} stands twice in \`${name}\`; keep one`);
    else if (earlier !== undefined)
      report(one.at(0), `${quote(one.text)} and ${quote(earlier)} in \`${name}\` differ only in case; ${caseCounts}`);
    return template;
  });
};

/** `undefined`: it is none. */
const quorumOf = (text: string): number | undefined =>
  /^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= limits.quorumMax ? Number(text) : undefined;
const quorumProblem = (text: string): string =>
  `\`quorum\` is a whole number from 1 to ${limits.quorumMax} (quorumMax), not ${quote(text)}`;

/** @param most so many are asked at most, as far as that is written */
const readQuorum = ({ attributes, around, reads, report }: Reading, most: number | undefined): number | Template => {
  const text = textOfAttribute('quorum', attributes, report);
  if (text === undefined || text.text === '') return 1;
  if (text.text.includes('{{')) return readTemplate(text, asText, around, reads, report);
  const quorum = quorumOf(text.text);
  if (quorum === undefined) report(text.at(0), quorumProblem(text.text));
  else if (most !== undefined && quorum > most)
    report(
      text.at(0),
      `only ${most} ${most === 1 ? 'person is' : 'people are'} asked; a quorum of ${quorum} cannot be reached`,
    );
  return quorum ?? 1;
};

/** A placeholder may stand for a list of people, so that only names that are written out are counted. */
const mostOf = (approvers: Template[], groups: Template[]): number | undefined =>
  groups.length === 0 && approvers.length > 0 && approvers.every((one) => literalOf(one) !== undefined)
    ? approvers.length
    : undefined;

export const readApprove = (body: Text, lines: number, reading: Reading): BodyOf<'approve'> => {
  const { attributes, around, reads, report, at } = reading;
  if (body.text.trim() === '')
    report(at, 'an `approve` cell says in its body what is asked; write what people approve');
  const [approvers, groups] = [readNames('approvers', reading), readNames('groups', reading)];
  if (approvers.length + groups.length === 0)
    report(at, 'an `approve` cell names who is asked: `approvers="alice, bob"` or `groups="sre"`');
  if (approvers.length + groups.length > limits.approversMax)
    report(at, `an \`approve\` cell names at most ${limits.approversMax} people and groups (approversMax)`);
  needsTime('default', 'expires', reading);
  const found: ApproveBody = {
    text: readTemplate(body, asText, around, reads, report),
    lines,
    ...readShows(attributes, around, report),
    approvers,
    groups,
    quorum: readQuorum(reading, mostOf(approvers, groups)),
    self: choose('self', ['true', 'false'], 'false', reading) === 'true',
    withinMs: readLasting('expires', reading),
    onExpiry: choose('default', ['approve', 'reject'], 'reject', reading),
    onReject: choose('onReject', ['halt', 'continue'], 'halt', reading),
  };
  const optional = attributes.get('optional');
  if (optional !== undefined)
    report(optional.at, 'an approval is not optional; `onReject=continue` goes on after a rejection');
  return { kind: 'approve', ...found };
};

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

type Failed = { kind: 'error'; message: string };
type Rendered = { kind: 'body'; body: RenderedBody } | Failed;

const renderAll = (
  templates: Template[],
  scope: Scope,
  whole: (text: string) => string | undefined,
): { kind: 'texts'; texts: string[] } | { kind: 'error'; message: string } => {
  const texts: string[] = [];
  for (const template of templates) {
    const rendered = render(template, scope, whole);
    if (rendered.kind === 'error') return rendered;
    texts.push(rendered.text);
  }
  return { kind: 'texts', texts: [...new Set(texts)] };
};

/** What one name stands for: of a placeholder alone, whose value is a list, the names in that. */
const namesIn = (template: Template, scope: Scope): { kind: 'texts'; texts: string[] } | Failed => {
  const [only, ...rest] = template;
  if (rest.length === 0 && only !== undefined && typeof only !== 'string') {
    const found = evaluate(only.expression, scope);
    if (found.kind === 'error') return found;
    const { value } = found;
    const what = `\`{{ ${only.expression} }}\``;
    if (Array.isArray(value)) {
      const wrong = value.findIndex((one) => typeof one !== 'string' || nameProblem(one) !== undefined);
      if (wrong === -1) return { kind: 'texts', texts: value as string[] };
      const one: unknown = value[wrong];
      const why = typeof one === 'string' ? nameProblem(one) : 'it is no text';
      return { kind: 'error', message: `${what}, at ${wrong + 1} of ${value.length}: ${why}.` };
    }
    if (value === null || typeof value === 'object')
      return { kind: 'error', message: `${what} names nobody: it is neither a text nor a list of texts.` };
  }
  const one = render(template, scope, nameProblem);
  return one.kind === 'error' ? one : { kind: 'texts', texts: [one.text] };
};

/** One person is one place, however often named. What differs only in case may be one person or two: refused. */
const renderNames = (templates: Template[], scope: Scope): { kind: 'texts'; texts: string[] } | Failed => {
  const names = new Set<string>();
  const seen = new Map<string, string>();
  for (const template of templates) {
    const found = namesIn(template, scope);
    if (found.kind === 'error') return found;
    for (const name of found.texts) {
      const earlier = seen.get(foldCase(name));
      if (earlier !== undefined && earlier !== name)
        return { kind: 'error', message: `${quote(name)} and ${quote(earlier)} differ only in case; ${caseCounts}.` };
      seen.set(foldCase(name), name);
      names.add(name);
    }
  }
  return { kind: 'texts', texts: [...names] };
};

const renderQuorum = (quorum: number | Template, scope: Scope): { kind: 'count'; count: number } | Failed => {
  if (typeof quorum === 'number') return { kind: 'count', count: quorum };
  const text = render(quorum, scope);
  if (text.kind === 'error') return text;
  const count = quorumOf(text.text);
  return count === undefined ? { kind: 'error', message: `${quorumProblem(text.text)}.` } : { kind: 'count', count };
};

const nameProblem = (name: string): string | undefined =>
  /^\P{C}+$/u.test(name) && name.trim() === name && name.length <= limits.actorCharsMax
    ? undefined
    : `${quote(name)} names no person: 1 to ${limits.actorCharsMax} printable characters (actorCharsMax)`;

export const renderAwait = (body: BodyOf<'await'>, scope: Scope): Rendered => {
  const claims = renderAll(body.claims, scope, claimIdProblem);
  return claims.kind === 'error' ? claims : { kind: 'body', body: { kind: 'await', claims: claims.texts } };
};

export const renderApprove = (body: BodyOf<'approve'>, scope: Scope): Rendered => {
  const text = render(body.text, scope);
  if (text.kind === 'error') return text;
  const approvers = renderNames(body.approvers, scope);
  if (approvers.kind === 'error') return approvers;
  const groups = renderNames(body.groups, scope);
  if (groups.kind === 'error') return groups;
  const quorum = renderQuorum(body.quorum, scope);
  if (quorum.kind === 'error') return quorum;
  const count = approvers.texts.length + groups.texts.length;
  if (count === 0) return { kind: 'error', message: 'Nobody is asked: `approvers` and `groups` name none.' };
  if (count > limits.approversMax)
    return {
      kind: 'error',
      message: `${count} people and groups are asked; at most ${limits.approversMax} (approversMax).`,
    };
  const asked = { approvers: approvers.texts, groups: groups.texts, quorum: quorum.count };
  return { kind: 'body', body: { kind: 'approve', text: text.text, ...asked } };
};

export const renderWait = ({ until, forMs, cron, tz }: BodyOf<'wait'>, scope: Scope): Rendered => {
  const rendered = until === null ? null : render(until, scope, timeProblem);
  if (rendered?.kind === 'error') return rendered;
  const lasting = forMs === null ? null : lasts(forMs, scope);
  if (lasting?.kind === 'error') return lasting;
  return { kind: 'body', body: { kind: 'wait', forMs: lasting?.ms ?? null, until: rendered?.text ?? null, cron, tz } };
};
