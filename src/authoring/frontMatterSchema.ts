/**
 * What front matter may hold, for editors: descriptions, completion and the plain mistakes. `frontMatter.ts` reads it and
 * says what is wrong with its place; it takes its keys from here, and a test holds the two against each other.
 */
import * as z from 'zod';
import { limits, programName, variableNeed } from '../engine/index.ts';
import { durationPattern, namePattern } from './attributes.ts';
import { secretHost, secretName, secretSource } from './secrets.ts';

/** Begins with a letter or digit, so that no id is taken for an option, or is `.` or `..`. */
export const runbookIdPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

const text = z.string().regex(/\S/);
const duration = z.string().regex(durationPattern);
const count = z.int().min(0);
const anything = z.unknown();

/** A schema inside of a parameter's: `true` and `false` are schemas too. */
const inner: z.ZodType = z.lazy(() => z.union([z.boolean(), schema]));
const inners = z.array(inner).min(1);
const byName = z.record(z.string(), inner);

const type = z.enum(['string', 'integer', 'number', 'boolean', 'object', 'array', 'null']);

/**
 * The keywords of JSON Schema 2020-12 that `params` takes. Not `$ref` and its like, since each parameter stands for itself, and
 * not `format`, which is not checked.
 */
const keywords = z.strictObject({
  type: z
    .union([type, z.array(type).min(1)])
    .describe('What the value is. `integer` is a whole number up to 2^53 - 1.'),
  default: anything.describe('Taken when the parameter is not given. Without it the parameter has to be given.'),
  description: z.string().describe('For people.'),
  title: z.string().describe('For people.'),
  examples: z.array(anything).describe('For people.'),
  enum: z.array(anything).describe('The values that are allowed.'),
  const: anything.describe('The one value that is allowed.'),
  minimum: z.number(),
  maximum: z.number(),
  exclusiveMinimum: z.number(),
  exclusiveMaximum: z.number(),
  multipleOf: z.number().gt(0),
  minLength: count.describe('At least so many characters.'),
  maxLength: count.describe('At most so many characters.'),
  pattern: z.string().describe('A regular expression of RE2. It may match anywhere: write ^ and $ for the whole text.'),
  items: inner.describe('Of each element of a list.'),
  prefixItems: inners,
  contains: inner,
  minContains: count,
  maxContains: count,
  minItems: count,
  maxItems: count,
  uniqueItems: z.boolean(),
  properties: byName,
  patternProperties: byName,
  additionalProperties: inner,
  propertyNames: inner,
  required: z.array(z.string()),
  minProperties: count,
  maxProperties: count,
  dependentRequired: z.record(z.string(), z.array(z.string())),
  dependentSchemas: byName,
  allOf: inners,
  anyOf: inners,
  oneOf: inners,
  not: inner,
  then: inner,
  if: inner,
  else: inner,
  unevaluatedItems: inner,
  unevaluatedProperties: inner,
  contentMediaType: z.string(),
  contentEncoding: z.string(),
  deprecated: z.boolean(),
  readOnly: z.boolean(),
  writeOnly: z.boolean(),
  $comment: z.string(),
});
const schema = keywords
  .partial()
  .meta({ id: 'schema', description: 'A JSON Schema (2020-12). A value is never converted to fit.' });

const needs = z.strictObject({
  programs: z
    .array(z.string().regex(programName))
    .max(limits.needsPerCellMax)
    .describe('Programs that have to be in the PATH of the place.'),
  env: z
    .array(z.string().regex(variableNeed))
    .max(limits.needsPerCellMax)
    .describe('Variables of the place that cells are handed, if it allows them. `NAME?` need not be set.'),
});

const defaults = z.strictObject({
  timeout: duration.describe('The longest that a cell may take: `500ms`, `30s`, `5m`.'),
  retry: z.int().min(0).max(limits.retriesPerCellMax).describe('Further attempts after a known failure.'),
  interrupted: z
    .enum(['hold', 'retry', 'continue'])
    .describe('What an interrupted step may do. `probe` belongs to one cell.'),
  settle: z
    .union([duration, z.literal(0), z.literal('0')])
    .describe('How long after its deadline a probe may not yet say that it was not done.'),
  keyWindow: duration.describe('How long after the first attempt a cell may be tried again by itself.'),
});

const secret = z.strictObject({
  from: z
    .string()
    .regex(secretSource)
    .describe('Where it is: `ssm:/path`, `secretsmanager:ID`, `file:/path` or `env:NAME`. The place has to allow it.'),
  hosts: z
    .array(z.string().regex(secretHost))
    .min(1)
    .max(limits.secretHostsMax)
    .describe('The hosts that `http` cells may send it to. Without them, none.')
    .optional(),
});

export const frontMatterSchema = z.strictObject({
  runbook: z
    .string()
    .regex(runbookIdPattern)
    .describe('The id of the runbook. Its versions and runs are listed by it.'),
  title: z
    .string()
    .regex(/^(?=.*\S)(?!.*\{\{.*\}\})/s)
    .max(limits.titleCharsMax)
    .describe('What it is for, in a few words. Without it the first heading is taken.')
    .optional(),
  params: z
    .record(z.string().regex(namePattern), schema)
    .meta({ maxProperties: limits.paramsPerRunbookMax, description: 'Its parameters: a name, and a JSON Schema.' })
    .optional(),
  defaults: defaults
    .partial()
    .describe('What holds for `ts`, `js`, `sh` and `http` cells that do not say otherwise.')
    .optional(),
  unique: text
    .describe('A text with parameters: runs with the same text are one run. `"pr-{{ params.pr }}"`')
    .optional(),
  concurrency: text
    .describe(
      'A text with parameters: of the runs with the same text, also of other runbooks, one is unfinished at a time.',
    )
    .optional(),
  secrets: z
    .record(z.string().regex(secretName), secret)
    .meta({ maxProperties: limits.secretsPerRunbookMax, description: 'Secrets that its cells may use, by name.' })
    .optional(),
  needs: needs.partial().describe('What `ts`, `js` and `sh` cells need of the place that carries them out.').optional(),
  onFailure: z
    .enum(['ask', 'undo'])
    .describe('What becomes of a run that fails: a person is asked, or what was done is taken back.')
    .optional(),
  notify: z
    .union([
      z.strictObject({ http: text.describe('A request: `POST https://…`, headers, an empty line, a body.') }),
      z.strictObject({ claim: text.describe('The id of a claim, which is set to `asserted`.') }),
    ])
    .describe('How people are told that a run has halted, or is in doubt.')
    .optional(),
  at: text
    .describe('The place that carries cells out which do not say it themselves, or `any`. Parameters may stand in it.')
    .optional(),
});

export const defaultKeys: readonly string[] = Object.keys(defaults.shape);

/** In draft 7, which editors know best. */
export const frontMatterJsonSchema = (): Record<string, unknown> => ({
  ...z.toJSONSchema(frontMatterSchema, { target: 'draft-7' }),
  title: 'Front matter of a Pawl runbook',
});
