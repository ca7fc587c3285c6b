/** The kinds of cells, and which attributes each of them takes. */

import type { Cell, CellKind, HttpBody, Interrupted, ScriptBody } from '../engine/index.ts';
import { commitEffects, limits } from '../engine/index.ts';
import {
  type Attribute,
  type Attributes,
  nameProblem,
  parseDuration,
  refuseUnknown,
  textOfAttribute,
} from './attributes.ts';
import type { Defaults } from './frontMatter.ts';
import type { Escape } from './http.ts';
import { type Position, quote, type Report, suggest } from './text.ts';

/** What a fence can be; the others are headings. */
export type FenceKind = Exclude<CellKind, 'branch' | 'each'>;
export const kinds: readonly FenceKind[] = [
  'ts',
  'js',
  'sh',
  'http',
  'aws',
  'task',
  'assert',
  'manual',
  'await',
  'approve',
  'wait',
  'end',
  'run',
];
const laterKinds: readonly string[] = ['lambda'];
export const probeKinds = ['ts', 'js', 'sh', 'http', 'aws'] as const;
/** What can take back: whatever may have effects. */
export const undoKinds = [...probeKinds, 'task', 'manual'] as const;
export type ProbeKind = (typeof probeKinds)[number];

export const isKind = (language: string): language is FenceKind => (kinds as readonly string[]).includes(language);
export const isProbeKind = (language: string): language is ProbeKind =>
  (probeKinds as readonly string[]).includes(language);

/** Kinds that are reserved, and carried out. */
export const isEffectKind = (language: string): language is ProbeKind | 'task' =>
  language === 'task' || isProbeKind(language);

export const isUndoKind = (language: string): language is (typeof undoKinds)[number] =>
  (undoKinds as readonly string[]).includes(language);

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
  ...(['name', 'timeout', 'retry', 'retryOn', 'interrupted', 'settle', 'keyWindow', 'when', 'optional'] as const),
  ...(['poll', 'within', 'onTimeout', 'holds', 'times'] as const),
  'at',
] as const;
const httpAttributes = ['escape', 'failedOn', 'unknownOn', 'cookies', 'redirects', 'sigv4', 'role'] as const;
const awsAttributes = ['service', 'action', 'region', 'role', 'failedOn', 'unknownOn'] as const;
/** Not of `aws`: what its services are told stands in their records. */
const secretAttributes = ['uses'] as const;
const codeAttributes = ['programs', 'env'] as const;
const scriptAttributes = ['errexit', 'shell'] as const;
const taskAttributes = ['task'] as const;
/** Of what only looks, and so is repeated. */
const pollAttributes: readonly string[] = ['poll', 'within', 'onTimeout', 'holds', 'times'];
const waitAttributes = {
  await: ['timeout', 'onTimeout'],
  approve: ['approvers', 'groups', 'quorum', 'self', 'expires', 'default', 'onReject', 'shows'],
  wait: ['for', 'until', 'cron', 'tz'],
} as const;
type Waits = keyof typeof waitAttributes;
/** As at the heading of a section. */
const runAttributes = ['each', 'as', 'max', 'stopAfter', 'within', 'output'] as const;
/** What stands in the place of its name, where a cell takes another back. */
const undoAttributes = ['undo', 'of'] as const;
export type CellAttribute =
  | (typeof effectAttributes)[number]
  | (typeof httpAttributes)[number]
  | (typeof secretAttributes)[number]
  | (typeof codeAttributes)[number]
  | (typeof awsAttributes)[number]
  | (typeof scriptAttributes)[number]
  | (typeof taskAttributes)[number]
  | (typeof waitAttributes)[Waits][number]
  | (typeof undoAttributes)[number]
  | (typeof runAttributes)[number]
  | 'as';

/** What a cell of the kind may say in its braces. */
export const attributesOf = (kind: CellKind): readonly CellAttribute[] => {
  if (isProbeKind(kind)) {
    if (kind === 'http') return [...effectAttributes, ...secretAttributes, ...httpAttributes];
    if (kind === 'aws') return [...effectAttributes, ...awsAttributes];
    return [...effectAttributes, ...secretAttributes, ...codeAttributes, ...(kind === 'sh' ? scriptAttributes : [])];
  }
  if (kind === 'task')
    return [
      ...effectAttributes.filter((name) => !pollAttributes.includes(name)),
      ...secretAttributes,
      ...taskAttributes,
    ];
  if (kind === 'end') return ['name', 'when', 'as'];
  if (kind === 'run') return ['name', 'when', ...runAttributes];
  return ['name', 'when', 'optional', ...(kind in waitAttributes ? waitAttributes[kind as Waits] : [])];
};

const notOfUndo: readonly string[] = ['name', 'when', 'optional', 'poll', 'within', 'onTimeout', 'holds', 'times'];

/** What a cell that takes another back may say. It is never passed over. */
export const undoAttributesOf = (kind: CellKind): readonly CellAttribute[] => [
  ...undoAttributes,
  ...attributesOf(kind).filter((name) => !notOfUndo.includes(name)),
];

/** What a probe may say beside the name of its cell. */
export const probeAttributesOf = (kind: ProbeKind) => {
  if (kind === 'http')
    return ['timeout', 'done', 'notDone', 'escape', 'cookies', 'redirects', 'sigv4', 'role'] as const;
  if (kind === 'aws') return ['timeout', 'done', 'notDone', 'service', 'action', 'region', 'role'] as const;
  return kind === 'sh' ? (['timeout', ...scriptAttributes] as const) : (['timeout'] as const);
};

/** The longest time-out of one question of a kind: what only waits for an answer gets less. */
export const timeoutMsMax = (kind: CellKind): number =>
  kind === 'http' || kind === 'aws' ? limits.remoteTimeoutMsMax : limits.cellTimeoutMsMax;

/** Code may take hours, held by a lease; what only looks, at any place, may not. */
const cellTimeoutMsMax = (kind: CellKind, attributes: Attributes): number =>
  kind === 'http' || kind === 'aws' || attributes.has('poll') ? timeoutMsMax(kind) : limits.longTimeoutMsMax;

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

/** Whether the output has the cookies of the answer. */
export const readCookies = (attributes: Attributes, report: Report): Pick<HttpBody, 'cookies'> => {
  const text = textOfAttribute('cookies', attributes, report);
  if (text === undefined || text.text === '') return {};
  if (text.text !== 'keep')
    report(text.at(0), `\`cookies\` is keep, not ${quote(text.text)}; without it, the output has no \`set-cookie\``);
  return { cookies: 'keep' };
};

/** How many redirects a request follows. Only one without effects may be sent again elsewhere. */
export const readRedirects = (attributes: Attributes, method: string, report: Report): Pick<HttpBody, 'redirects'> => {
  const text = textOfAttribute('redirects', attributes, report);
  if (text === undefined || text.text === '') return {};
  const redirects = /^\d{1,3}$/.test(text.text) ? Number(text.text) : 0;
  if (redirects < 1 || redirects > limits.httpRedirectsMax)
    report(
      text.at(0),
      `\`redirects\` is a whole number from 1 to ${limits.httpRedirectsMax} (httpRedirectsMax), not ${quote(text.text)}; without it, none is followed`,
    );
  else if (method !== '' && method !== 'GET' && method !== 'HEAD')
    report(
      text.at(0),
      `redirects are followed of GET and HEAD only, not of ${quote(method)}: the first address may have done it already`,
    );
  return { redirects };
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

/** How a script is run: with `-eu` unless it says otherwise, by `sh` unless it says `bash`, here or in its `#!` line. */
export const readShell = (
  attributes: Attributes,
  code: string,
  report: Report,
): Pick<ScriptBody, 'errexit' | 'shell'> => {
  const errexit = textOfAttribute('errexit', attributes, report);
  if (errexit !== undefined && errexit.text !== 'off' && errexit.text !== '')
    report(errexit.at(0), `\`errexit\` is off, not ${quote(errexit.text)}; without it, a script begins with \`-eu\``);
  const shell = textOfAttribute('shell', attributes, report);
  if (shell !== undefined && shell.text !== 'bash' && shell.text !== '')
    report(
      shell.at(0),
      `\`shell\` is bash, not ${quote(shell.text)}; without it, \`/bin/sh\` or what a \`#!\` line names`,
    );
  else if (shell !== undefined && code.startsWith('#!'))
    report(shell.at(0), 'this script has a `#!` line, which says by what it is run; keep that, or `shell=`');
  return {
    ...(errexit?.text === 'off' ? {} : { errexit: true }),
    ...(shell?.text === 'bash' ? { shell: 'bash' } : {}),
  };
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

/** It is never in doubt, so there is nothing to ask, and nothing to pass over: what the front matter says of doubts is of others. */
const interruptedOfCommit = (attributes: Attributes, report: Report): Pick<Cell, 'interrupted' | 'byMethod'> => {
  const declared = readInterrupted(attributes, report);
  if (declared === 'probe' || declared === 'continue') {
    const at = attributes.get('interrupted')?.at;
    if (at !== undefined)
      report(
        at,
        `a task whose effects are committed is never in doubt, so there is nothing to ${declared === 'probe' ? 'ask' : 'go past'}; leave \`interrupted\` out, or write \`interrupted=hold\``,
      );
  }
  return declared === undefined ? { interrupted: 'retry', byMethod: commitEffects } : { interrupted: declared };
};

/** What an interruption may lead to: what the cell says, what the front matter says, what its method or action declares. */
const interruptedOf = (
  attributes: Attributes,
  defaults: Defaults,
  safe: string | null,
  report: Report,
): Pick<Cell, 'interrupted' | 'byMethod'> => {
  if (safe === commitEffects) return interruptedOfCommit(attributes, report);
  const declared = readInterrupted(attributes, report) ?? defaults.interrupted;
  if (declared !== undefined || attributes.has('interrupted')) return { interrupted: declared ?? 'hold' };
  if (safe !== null) return { interrupted: 'retry', byMethod: safe };
  return { interrupted: 'hold' };
};

/** What is around the attributes of a cell. `safe`: the method or action by which its request asks for no effect. */
type Of = { kind: CellKind; undoes: boolean; safe: string | null; hasExpectations: boolean; at: Position };

/** What all attributes of a cell but `name` and `when` say, together with the defaults of the front matter. */
export const readCommon = (
  { kind, undoes, safe, hasExpectations, at }: Of,
  attributes: Attributes,
  defaults: Defaults,
  report: Report,
): Common => {
  // What another kind is told better.
  const toldBetter: readonly string[] = [
    ...codeAttributes,
    ...(kind === 'aws' ? secretAttributes : []),
    ...(kind === 'run' ? ['onFailure'] : []),
  ];
  const others = new Map([...attributes].filter(([name]) => !toldBetter.includes(name)));
  if (undoes) refuseUnknown(others, undoAttributesOf(kind), `for \`${kind}\` cells that take back`, report);
  else refuseUnknown(others, attributesOf(kind), `for \`${kind}\` cells`, report);
  const optional = attributes.get('optional');
  const common: Common = {
    timeoutMs: limits.cellTimeoutMsDefault,
    retryMax: null,
    interrupted: 'hold',
    settleMs: limits.settleMsDefault,
    keyWindowMs: null,
    optional: optional !== undefined && kind !== 'end' && readOptional(optional, report),
  };
  if (!isEffectKind(kind)) return common;
  const max = cellTimeoutMsMax(kind, attributes);
  const timeoutMs = readDuration('timeout', attributes, limits.cellTimeoutMsMin, max, report);
  if (!attributes.has('timeout') && (defaults.timeoutMs ?? 0) > max) {
    report(
      at,
      `the time-out in \`defaults\` is longer than the ${max / 60_000}m that \`${kind}\` cells may take; give this one \`timeout=\``,
    );
  }
  const settleMs = readDuration('settle', attributes, 0, limits.settleMsMax, report);
  const policy = interruptedOf(attributes, defaults, safe, report);
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
