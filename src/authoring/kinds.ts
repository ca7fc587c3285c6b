/** The kinds of cells, and which attributes each of them takes. */

import type { Cell, CellKind, HttpBody, Interrupted } from '../engine/index.ts';
import { isSafeMethod, limits } from '../engine/index.ts';
import { type Attribute, type Attributes, nameProblem, parseDuration, refuseUnknown } from './attributes.ts';
import type { Defaults } from './frontMatter.ts';
import type { Escape } from './http.ts';
import { type Position, quote, type Report, suggest, type Text } from './text.ts';

const kinds: readonly CellKind[] = ['ts', 'js', 'sh', 'http', 'assert', 'manual', 'await', 'approve', 'wait', 'end'];
const laterKinds: readonly string[] = ['aws', 'task', 'lambda'];
export const probeKinds = ['ts', 'js', 'sh', 'http'] as const;
export type ProbeKind = (typeof probeKinds)[number];

export const isKind = (language: string): language is CellKind => (kinds as readonly string[]).includes(language);
export const isProbeKind = (language: string): language is ProbeKind =>
  (probeKinds as readonly string[]).includes(language);

const otherNames: Readonly<Record<string, CellKind>> = {
  typescript: 'ts',
  javascript: 'js',
  bash: 'sh',
  shell: 'sh',
  zsh: 'sh',
  curl: 'http',
};

/** Says that a kind is unknown, or that it is known but not yet. */
export const refuseKind = (language: string, at: Position, report: Report): void => {
  if (laterKinds.includes(language))
    return report(at, `\`${language}\` cells arrive in a later version of Pawl; this one cannot be published yet`);
  if (language === 'cel')
    return report(
      at,
      'a `cel` fence holds the expectations of a cell: write `cel { expect=<cell> }`, or `assert { name=… }` for a cell of its own',
    );
  const other = Object.hasOwn(otherNames, language) ? otherNames[language] : undefined;
  const hint =
    other !== undefined
      ? `; did you mean \`${other}\`?`
      : suggest(language, kinds) || `; there are ${kinds.join(', ')}`;
  report(at, `unknown kind of cell ${quote(language)}${hint}`);
};

const effectAttributes = [
  ...['name', 'timeout', 'retry', 'retryOn', 'interrupted', 'settle', 'keyWindow', 'when', 'optional'],
  ...['poll', 'within', 'onTimeout'],
];
const httpAttributes = ['escape', 'failedOn', 'unknownOn'];
const waitAttributes: Readonly<Partial<Record<CellKind, readonly string[]>>> = {
  await: ['timeout', 'onTimeout'],
  approve: ['approvers', 'groups', 'quorum', 'self', 'expires', 'default', 'onReject'],
  wait: ['for', 'until', 'cron', 'tz'],
};
const attributesOf = (kind: CellKind): readonly string[] => {
  if (isProbeKind(kind)) return kind === 'http' ? [...effectAttributes, ...httpAttributes] : effectAttributes;
  return kind === 'end' ? ['name', 'when'] : ['name', 'when', 'optional', ...(waitAttributes[kind] ?? [])];
};

/** The longest time-out of a kind: what only waits for an answer gets less. */
export const timeoutMsMax = (kind: CellKind): number =>
  kind === 'http' ? limits.remoteTimeoutMsMax : limits.cellTimeoutMsMax;

/** The value of an attribute; a name without one is reported. */
export const textOfAttribute = (name: string, attributes: Attributes, report: Report): Text | undefined => {
  const attribute = attributes.get(name);
  if (attribute === undefined) return undefined;
  if (attribute.value === null) report(attribute.at, `\`${name}\` has no value; write \`${name}=…\``);
  return attribute.value ?? undefined;
};

export const readDuration = (
  name: string,
  attributes: Attributes,
  minMs: number,
  maxMs: number,
  report: Report,
): number | undefined => {
  const text = textOfAttribute(name, attributes, report);
  if (text === undefined || text.text === '') return undefined;
  const parsed = parseDuration(text.text, minMs, maxMs);
  if (typeof parsed === 'number') return parsed;
  report(text.at(0), `\`${name}\`: ${parsed}`);
  return undefined;
};

const readRetry = (attributes: Attributes, report: Report): number | undefined => {
  const text = textOfAttribute('retry', attributes, report);
  if (text === undefined || text.text === '') return undefined;
  if (/^\d{1,6}$/.test(text.text) && Number(text.text) <= limits.retriesPerCellMax) return Number(text.text);
  report(text.at(0), `\`retry\` is a whole number from 0 to ${limits.retriesPerCellMax}, not ${quote(text.text)}`);
  return undefined;
};

/** What `retry=` repeats beside known failures. */
const readRetryOn = (
  attributes: Attributes,
  retryMax: number | null,
  hasExpectations: boolean,
  report: Report,
): Pick<Cell, 'retryOn'> => {
  const text = textOfAttribute('retryOn', attributes, report);
  if (text === undefined || text.text === '') return {};
  if (text.text !== 'unexpected')
    report(
      text.at(0),
      `\`retryOn\` is unexpected, not ${quote(text.text)}${suggest(text.text, ['unexpected'])}; without it, only what failed is tried again`,
    );
  else if ((retryMax ?? 0) === 0) report(text.at(0), '`retryOn` says what `retry` repeats; it needs `retry=`');
  else if (!hasExpectations)
    report(text.at(0), 'nothing is expected here that could not hold; add a `cel { expect=… }` fence');
  return { retryOn: 'unexpected' };
};

const statusMin = 100;
const statusMax = 599;

const readStatuses = (name: string, attributes: Attributes, report: Report): number[] => {
  const text = textOfAttribute(name, attributes, report);
  if (text === undefined || text.text === '') return [];
  const words = [...text.text.matchAll(/\S+/g)];
  if (words.length === 0) report(text.at(0), `\`${name}\` names no status; write \`${name}="500 503"\``);
  const seen = new Set<number>();
  for (const { 0: word, index } of words) {
    const status = /^\d{3}$/.test(word) ? Number(word) : 0;
    if (status < statusMin || status > statusMax)
      report(
        text.at(index),
        `\`${name}\` is a list of statuses from ${statusMin} to ${statusMax}, with spaces between them, not ${quote(word)}`,
      );
    else if (seen.has(status)) report(text.at(index), `the status ${status} is given twice; keep one`);
    seen.add(status);
  }
  return [...seen];
};

/** What the author of a request knows better about some statuses than the table of statuses does. */
export const readMeanings = (attributes: Attributes, report: Report): Pick<HttpBody, 'failedOn' | 'unknownOn'> => {
  const failedOn = readStatuses('failedOn', attributes, report);
  const unknownOn = readStatuses('unknownOn', attributes, report);
  const both = failedOn.find((status) => unknownOn.includes(status));
  const at = attributes.get('unknownOn')?.at;
  if (both !== undefined && at !== undefined)
    report(at, `the status ${both} is in \`failedOn\` and in \`unknownOn\`; keep one`);
  return { ...(failedOn.length > 0 && { failedOn }), ...(unknownOn.length > 0 && { unknownOn }) };
};

const policies: readonly Interrupted[] = ['hold', 'retry', 'probe', 'continue'];
const readInterrupted = (attributes: Attributes, report: Report): Interrupted | undefined => {
  const text = textOfAttribute('interrupted', attributes, report);
  if (text === undefined || text.text === '') return undefined;
  const found = policies.find((policy) => policy === text.text);
  if (found === undefined) {
    report(
      text.at(0),
      `\`interrupted\` is ${policies.join(', ')}, not ${quote(text.text)}${suggest(text.text, policies)}`,
    );
  }
  return found;
};

/** Whether values in the body of a request are written as its type says, or as they are. */
export const readEscape = (attributes: Attributes, report: Report): Escape => {
  const text = textOfAttribute('escape', attributes, report);
  if (text === undefined || text.text === '') return 'byType';
  if (text.text !== 'none')
    report(
      text.at(0),
      `\`escape\` is none, not ${quote(text.text)}; without it, values are written as the Content-Type says`,
    );
  return 'none';
};

const readOptional = ({ at, value }: Attribute, report: Report): boolean => {
  if (value === null || value.text === 'true') return true;
  if (value.text !== 'false') report(at, `\`optional\` is true or false, not ${quote(value.text)}`);
  return false;
};

/** A valid name given by an attribute, or nothing (reported). */
export const readName = (attribute: string, attributes: Attributes, report: Report): string | undefined => {
  const text = textOfAttribute(attribute, attributes, report);
  if (text === undefined) return undefined;
  // An empty one is no name either: a cell without one could not be recorded, a probe or expectations would be lost.
  const problem = text.text === '' ? `\`${attribute}\` is empty; write \`${attribute}=NAME\`` : nameProblem(text.text);
  if (problem !== undefined) report(text.at(0), problem);
  return problem === undefined ? text.text : undefined;
};

export type Common = Pick<
  Cell,
  'timeoutMs' | 'retryMax' | 'retryOn' | 'interrupted' | 'byMethod' | 'settleMs' | 'keyWindowMs' | 'optional'
>;

/** What an interruption may lead to: what the cell says, what the front matter says, what the method of a request declares. */
const interruptedOf = (
  attributes: Attributes,
  defaults: Defaults,
  method: string | null,
  report: Report,
): Pick<Cell, 'interrupted' | 'byMethod'> => {
  const declared = readInterrupted(attributes, report) ?? defaults.interrupted;
  if (declared !== undefined || attributes.has('interrupted')) return { interrupted: declared ?? 'hold' };
  if (method !== null && isSafeMethod(method)) return { interrupted: 'retry', byMethod: method };
  return { interrupted: 'hold' };
};

/** What is around the attributes of a cell. `method`: of an `http` cell. */
type Of = { kind: CellKind; method: string | null; hasExpectations: boolean; at: Position };

/** What all attributes of a cell but `name` and `when` say, together with the defaults of the front matter. */
export const readCommon = (
  { kind, method, hasExpectations, at }: Of,
  attributes: Attributes,
  defaults: Defaults,
  report: Report,
): Common => {
  refuseUnknown(attributes, attributesOf(kind), `for \`${kind}\` cells`, report);
  const optional = attributes.get('optional');
  const common: Common = {
    timeoutMs: limits.cellTimeoutMsDefault,
    retryMax: null,
    interrupted: 'hold',
    settleMs: limits.settleMsDefault,
    keyWindowMs: null,
    optional: optional !== undefined && kind !== 'end' && readOptional(optional, report),
  };
  if (!isProbeKind(kind)) return common;
  const max = timeoutMsMax(kind);
  const timeoutMs = readDuration('timeout', attributes, limits.cellTimeoutMsMin, max, report);
  if (!attributes.has('timeout') && (defaults.timeoutMs ?? 0) > max) {
    report(
      at,
      `the time-out in \`defaults\` is longer than the ${max / 60_000}m that \`${kind}\` cells may take; give this one \`timeout=\``,
    );
  }
  const settleMs = readDuration('settle', attributes, 0, limits.settleMsMax, report);
  const policy = interruptedOf(attributes, defaults, method, report);
  const settle = attributes.get('settle');
  // Nothing of a cell that only looks is retried, or in doubt.
  if (attributes.has('poll'))
    return { ...common, timeoutMs: timeoutMs ?? defaults.timeoutMs ?? limits.cellTimeoutMsDefault };
  if (settle !== undefined && policy.interrupted !== 'probe')
    report(settle.at, '`settle` says when a probe may answer not-done; it needs `interrupted=probe`');
  const retryMax = readRetry(attributes, report) ?? defaults.retryMax ?? null;
  return {
    ...common,
    timeoutMs: timeoutMs ?? defaults.timeoutMs ?? limits.cellTimeoutMsDefault,
    retryMax,
    ...readRetryOn(attributes, retryMax, hasExpectations, report),
    ...policy,
    settleMs: settleMs ?? defaults.settleMs ?? limits.settleMsDefault,
    keyWindowMs:
      readDuration('keyWindow', attributes, limits.keyWindowMsMin, limits.keyWindowMsMax, report) ??
      defaults.keyWindowMs ??
      null,
  };
};
