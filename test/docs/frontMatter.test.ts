/** docs/front-matter.schema.json: what editors are told of front matter is what `pawl check` says of it. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { authoring, frontMatterJsonSchema } from '../../src/authoring/index.ts';
import { starter } from '../../src/cli/starter.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const published: Record<string, unknown> = JSON.parse(read('docs/front-matter.schema.json'));
const validate = new Ajv({ strict: true, allowUnionTypes: true, allErrors: true }).compile(published);

const frontMatterOf = (source: string): string => /^---\n(.*?)\n---\n/s.exec(source)?.[1] ?? '';
const ofEditor = (yaml: string): boolean => validate(parse(yaml));
const ofCheck = (yaml: string): boolean =>
  authoring.compile(`---\n${yaml}\n---\n\n\`\`\`sh { name=a }\ntrue\n\`\`\`\n`).kind === 'runbook';

test('it is up to date: else `npm run reference`', () => {
  expect(published).toEqual(frontMatterJsonSchema());
});

/** Whole runbooks of a page, which begin with front matter. */
const shownIn = (page: string): [string, string][] =>
  [...read(page).matchAll(/^````markdown\n(---\n.*?)^````$/gms)].map(([, source = ''], at) => [
    `${page} ${at}`,
    source,
  ]);

const known: [string, string][] = [
  ...globSync('runbooks/**/*.md', { cwd: root }).map((path): [string, string] => [path, read(path)]),
  ...globSync('docs/*.md', { cwd: root }).flatMap(shownIn),
  ...shownIn('README.md'),
  ['pawl new', starter('tidy')],
];

test('there are runbooks to look at', () => {
  expect(known.length).toBeGreaterThan(5);
});

test.each(known)('it accepts %s', (_, source) => {
  expect(validate(parse(frontMatterOf(source))), JSON.stringify(validate.errors)).toBe(true);
});

describe('it accepts what `pawl check` accepts', () => {
  test.each([
    'runbook: a',
    'runbook: Deploy-2.1_b\ntitle: Deploy\nunique: "pr-{{ params.a }}"\nconcurrency: one\nparams: { a: { type: string } }',
    'runbook: a\ndefaults: { timeout: 500ms, retry: 3, interrupted: continue, settle: 0, keyWindow: 1d }',
    'runbook: a\nparams: { _a1: { type: [string, "null"], default: null, title: t, description: d, examples: [x] } }',
    'runbook: a\nparams: { n: { type: integer, minimum: 1, maximum: 9, exclusiveMinimum: 0, exclusiveMaximum: 10, multipleOf: 2 } }',
    'runbook: a\nparams: { s: { type: string, pattern: "^a$", minLength: 1, maxLength: 1, enum: [a], const: a } }',
    'runbook: a\nparams: { l: { type: array, items: { type: string }, minItems: 1, maxItems: 3, uniqueItems: true } }',
    'runbook: a\nparams: { l: { type: array, prefixItems: [{ type: string }], items: false, minItems: 1 } }',
    'runbook: a\nparams: { l: { type: array, contains: { const: 1 }, minContains: 1, maxContains: 2 } }',
    'runbook: a\nparams: { o: { type: object, properties: { p: { type: string } }, required: [p], additionalProperties: false } }',
    'runbook: a\nparams: { o: { type: object, patternProperties: { "^x": true }, propertyNames: { maxLength: 5 }, minProperties: 1, maxProperties: 2 } }',
    'runbook: a\nparams: { o: { type: object, dependentRequired: { p: [q] }, dependentSchemas: { p: true }, unevaluatedProperties: false } }',
    'runbook: a\nparams: { v: { allOf: [true], anyOf: [{ type: string }], oneOf: [{ type: string }], not: { const: 1 } } }',
    'runbook: a\nparams: { v: { if: { type: string }, then: { minLength: 1 }, else: true, deprecated: true, readOnly: false, writeOnly: false } }',
    'runbook: a\nparams: { v: { type: array, unevaluatedItems: false, $comment: c } }',
    'runbook: a\nsecrets: { A: { from: "ssm:/x/y" }, B_2: { from: "file:/etc/x y", hosts: [a.example, "b.example:8443", "127.0.0.1:1", "[::1]:80"] } }',
    'runbook: a\nsecrets: { A: { from: "secretsmanager:prod/db-AbCdEf" }, B: { from: "env:TOKEN" } }',
    'runbook: a\nparams: { v: { type: string, contentMediaType: text/plain, contentEncoding: base64 } }',
  ])('%s', (yaml) => {
    expect(authoring.compile(`---\n${yaml}\n---\n\n\`\`\`sh { name=a }\ntrue\n\`\`\`\n`)).toMatchObject({
      kind: 'runbook',
    });
    expect(ofEditor(yaml), JSON.stringify(validate.errors)).toBe(true);
  });
});

describe('it refuses, as `pawl check` does', () => {
  test.each([
    ['no id', 'title: Deploy'],
    ['an id that is no name', 'runbook: "deploy prod"'],
    ['an id that is a number', 'runbook: 7'],
    ['a key that is mistyped', 'runbook: a\nparam: {}'],
    ['a secret that says nothing but where it is', 'runbook: a\nsecrets: { A: "ssm:/x" }'],
    ['a secret that is nowhere', 'runbook: a\nsecrets: { A: { hosts: [a.example] } }'],
    ['a secret in a store that is none', 'runbook: a\nsecrets: { A: { from: "vault:/x" } }'],
    ['a secret of a file that is relative', 'runbook: a\nsecrets: { A: { from: "file:x" } }'],
    ['a name of a secret in small letters', 'runbook: a\nsecrets: { a: { from: "ssm:/x" } }'],
    ['a host with a scheme', 'runbook: a\nsecrets: { A: { from: "ssm:/x", hosts: ["https://a.example"] } }'],
    ['no host in a list of hosts', 'runbook: a\nsecrets: { A: { from: "ssm:/x", hosts: [] } }'],
    ['an empty title', 'runbook: a\ntitle: "  "'],
    ['a title with a placeholder', 'runbook: a\ntitle: "Deploy {{ params.a }}"'],
    ['a long title', `runbook: a\ntitle: ${'x'.repeat(201)}`],
    ['a list of parameters', 'runbook: a\nparams: [a]'],
    ['a name that is none', 'runbook: a\nparams: { a-b: { type: string } }'],
    ['a parameter without a schema', 'runbook: a\nparams: { a: string }'],
    ['a type that is none', 'runbook: a\nparams: { a: { type: text } }'],
    ['a keyword that is mistyped', 'runbook: a\nparams: { a: { type: integer, minimun: 1 } }'],
    ['the same deeper in it', 'runbook: a\nparams: { a: { type: array, items: { typ: string } } }'],
    ['a bound that is a text', 'runbook: a\nparams: { a: { type: integer, minimum: "1" } }'],
    ['a reference', 'runbook: a\nparams: { a: { $ref: "#/b" } }'],
    ['a format, which nothing checks', 'runbook: a\nparams: { a: { type: string, format: email } }'],
    ['a default that there is not', 'runbook: a\ndefaults: { timeouts: 30s }'],
    ['a time without a unit', 'runbook: a\ndefaults: { timeout: 30 }'],
    ['a time with an unknown unit', 'runbook: a\ndefaults: { timeout: 30sec }'],
    ['too many retries', 'runbook: a\ndefaults: { retry: 101 }'],
    ['a probe for every cell', 'runbook: a\ndefaults: { interrupted: probe }'],
    ['an empty lock', 'runbook: a\nconcurrency: ""'],
  ])('%s', (_, yaml) => {
    expect({ check: ofCheck(yaml), editor: ofEditor(yaml) }).toEqual({ check: false, editor: false });
  });
});
