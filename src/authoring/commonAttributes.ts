/** Attributes that every kind of cell may have, together with the defaults of the front matter: time-outs, retries, interruptions. */
import { type Cell, type CellKind, commitEffects, type Interrupted, limits } from '../engine/index.ts';
import {
  type Attribute,
  type Attributes,
  nameProblem,
  parseDuration,
  refuseUnknown,
  textOfAttribute,
} from './attributes.ts';
import type { Defaults } from './frontMatter.ts';
import {
  attributesOf,
  codeAttributes,
  isEffectKind,
  secretAttributes,
  timeoutMsMax,
  undoAttributesOf,
} from './kinds.ts';
import { type Position, quote, type Report, suggest } from './text.ts';

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
