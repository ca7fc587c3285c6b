/** `approve` cells: what is asked, whom, and how many of them have to agree. */
import { type ApproveBody, limits, type Scope, type Template } from '../engine/index.ts';
import { textOfAttribute } from './attributes.ts';
import { evaluate } from './evaluate.ts';
import {
  type BodyOf,
  choose,
  type Failed,
  literalOf,
  needsTime,
  type Reading,
  type Rendered,
  readLasting,
} from './lasting.ts';
import { readShows } from './shows.ts';
import { asText, readTemplate, render } from './templates.ts';
import { foldCase, quote, slice, type Text, trim } from './text.ts';

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
