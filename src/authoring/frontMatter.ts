/** The front matter: what a runbook is called, its parameters, and what holds for all of its cells. */

import type { Interrupted, Needs } from '../engine/index.ts';
import { limits } from '../engine/index.ts';
import { parseDuration } from './attributes.ts';
import { defaultKeys, frontMatterSchema, runbookIdPattern } from './frontMatterSchema.ts';
import { readNeeds } from './needs.ts';
import { noParams, readParams } from './parameters.ts';
import { type DeclaredSecrets, readSecrets } from './secrets.ts';
import { list, type Position, quote, type Report, suggest, type Text } from './text.ts';
import { type Field, readYaml } from './yaml.ts';

/** What cells get that do not say otherwise, where it makes sense for them. */
export type Defaults = {
  timeoutMs?: number;
  retryMax?: number;
  interrupted?: Exclude<Interrupted, 'probe'>;
  settleMs?: number;
  keyWindowMs?: number;
};

export type FrontMatter = {
  runbookId: string;
  title: string | null;
  params: Record<string, unknown>;
  /** `null`: the declarations could not be read, so that nothing can be said about references to them. */
  paramNames: ReadonlySet<string> | null;
  defaults: Defaults;
  unique: Text | null;
  concurrency: Text | null;
  /** `null`: the front matter could not be read. */
  secrets: DeclaredSecrets | null;
  /** Of every cell that has needs. */
  needs: Needs;
  /** Where cells are carried out that do not say it themselves. */
  at: Text | null;
  /** Where it says that a failure is taken back; `null`: a person is asked. */
  undoAt: Position | null;
  /** How people are told that one of them is needed, not read yet: it may name parameters and secrets that stand below it. */
  notify: Field | null;
};

const keys = Object.keys(frontMatterSchema.shape);

const unknownKey = ({ key, at }: Field, known: readonly string[], where: string, report: Report): void =>
  report(at, `unknown key ${quote(key)} ${where}${suggest(key, known) || `; known are ${list(known)}`}`);

const textOf = ({ key, value, valueAt }: Field, report: Report): string => {
  if (typeof value === 'string' && value.trim() !== '') return value.trim();
  report(valueAt, `\`${key}\` must be a text; put it in quotes`);
  return '';
};

const readId = (field: Field, report: Report): string => {
  const id = textOf(field, report);
  if (id !== '' && !runbookIdPattern.test(id)) {
    report(
      field.valueAt,
      `${quote(id)} is not a runbook id; ids begin with a letter or digit and hold letters, digits, \`.\`, \`_\`, \`-\`, at most 128`,
    );
  }
  return id;
};

const readDuration = (
  { key, value, valueAt }: Field,
  minMs: number,
  maxMs: number,
  report: Report,
): number | undefined => {
  const parsed =
    typeof value === 'string' || value === 0
      ? parseDuration(String(value), minMs, maxMs)
      : `\`${key}\` must be a duration, like 30s`;
  if (typeof parsed === 'number') return parsed;
  report(valueAt, parsed);
  return undefined;
};

const readDefault = (field: Field, defaults: Defaults, report: Report): void => {
  const { key, value, valueAt } = field;
  const set = <K extends keyof Defaults>(name: K, found: Defaults[K] | undefined): void => {
    if (found !== undefined) defaults[name] = found;
  };
  if (key === 'timeout')
    set('timeoutMs', readDuration(field, limits.cellTimeoutMsMin, limits.cellTimeoutMsMax, report));
  else if (key === 'settle') set('settleMs', readDuration(field, 0, limits.settleMsMax, report));
  else if (key === 'keyWindow')
    set('keyWindowMs', readDuration(field, limits.keyWindowMsMin, limits.keyWindowMsMax, report));
  else if (key === 'retry') {
    const whole =
      typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= limits.retriesPerCellMax;
    if (whole) defaults.retryMax = value;
    else report(valueAt, `\`retry\` must be a whole number from 0 to ${limits.retriesPerCellMax}`);
  } else if (key === 'interrupted') {
    if (value === 'hold' || value === 'retry' || value === 'continue') defaults.interrupted = value;
    else if (value === 'probe') report(valueAt, 'a probe belongs to one cell; write `interrupted=probe` at that cell');
    else report(valueAt, `\`interrupted\` must be hold, retry or continue, not ${quote(String(value))}`);
  } else unknownKey(field, defaultKeys, 'in `defaults`', report);
};

/** Reads the front matter; what is missing or broken is reported and replaced by something harmless. */
export const readFrontMatter = (source: Text | null, report: Report): FrontMatter => {
  const found: FrontMatter = {
    runbookId: '',
    title: null,
    params: noParams(),
    paramNames: null,
    defaults: {},
    unique: null,
    concurrency: null,
    secrets: null,
    needs: { programs: [], env: [] },
    at: null,
    undoAt: null,
    notify: null,
  };
  const fields = source === null ? undefined : readYaml(source, report);
  if (source === null || fields === undefined) return found;
  found.paramNames = new Set();
  found.secrets = new Map();
  for (const field of fields) {
    const { key, text } = field;
    if (key === 'runbook') found.runbookId = readId(field, report);
    else if (key === 'title') {
      found.title = textOf(field, report);
      if (/\{\{.*\}\}/.test(found.title))
        report(
          field.valueAt,
          'nothing is filled in here: a title is the same for every run; `unique` tells runs apart',
        );
      if (found.title.length > limits.titleCharsMax)
        report(field.valueAt, `the title has more than ${limits.titleCharsMax} characters (titleCharsMax)`);
    } else if (key === 'params') {
      found.params = readParams(field, report);
      found.paramNames = new Set(Object.keys(found.params.properties as object));
    } else if (key === 'defaults') {
      const inner = field.fields();
      if (inner === null) report(field.valueAt, '`defaults` is a mapping, as in `{ timeout: 30s }`');
      for (const entry of inner ?? []) readDefault(entry, found.defaults, report);
    } else if (key === 'needs') found.needs = readNeeds(field, report);
    else if (key === 'unique' || key === 'concurrency' || key === 'at') {
      if (textOf(field, report) !== '') found[key] = text;
    } else if (key === 'notify') found.notify = field;
    else if (key === 'secrets') found.secrets = readSecrets(field, report);
    else if (key === 'onFailure') {
      if (field.value === 'undo') found.undoAt = field.valueAt;
      else if (field.value !== 'ask')
        report(
          field.valueAt,
          `\`onFailure\` is ask or undo, not ${quote(String(field.value))}${suggest(String(field.value), ['ask', 'undo'])}`,
        );
    } else unknownKey(field, keys, 'in the front matter', report);
  }
  if (!fields.some(({ key }) => key === 'runbook'))
    report(source.at(0), 'the front matter names no runbook; add `runbook: <id>`');
  return found;
};
