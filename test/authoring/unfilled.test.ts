/** `{{ }}` where nothing fills it in: refused, with its place and the right form. */
import { expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';

/** A body begins in line 7. */
const problems = (info: string, body: string, front = ''): string[] => {
  const before = `---\nrunbook: demo\nparams:\n  dir: { type: string }${front}\n---\n`;
  const result = authoring.compile(`${before}\`\`\`${info} { name=a }\n${body}\n\`\`\`\n`);
  return result.kind === 'runbook' ? [] : result.problems.map((one) => `${one.line}:${one.column} ${one.message}`);
};

test.each([
  [
    'rm -rf "{{ params.dir }}"/x',
    '7:9 `{{ params.dir }}` is not filled in here; a script reads it as `"$PAWL_PARAM_DIR"`',
  ],
  [
    'x\necho {{params["dir"]}}',
    '8:6 `{{params["dir"]}}` is not filled in here; a script reads a parameter as `"$PAWL_PARAM_NAME"`',
  ],
  [
    'echo {{ size(params.dir) }}',
    '7:6 `{{ size(params.dir) }}` is not filled in here; a script reads it as `"$PAWL_PARAM_DIR"`',
  ],
  [
    'echo {{ outputs.before.n }}',
    '7:6 `{{ outputs.before.n }}` is not filled in here; a script reads it from the JSON file `"$PAWL_INPUTS"`, at `.outputs.before`',
  ],
  [
    'curl -H "Idempotency-Key: {{ step.idempotencyKey }}"',
    '7:27 `{{ step.idempotencyKey }}` is not filled in here; a script reads it as `"$PAWL_IDEMPOTENCY_KEY"`',
  ],
  [
    'echo {{ step.instanceId }}',
    '7:6 `{{ step.instanceId }}` is not filled in here; a script reads it as `"$PAWL_INSTANCE_ID"`',
  ],
])('sh: %s', (body, message) => {
  expect(problems('sh', body)).toEqual([message]);
});

test('sh: each of several, and braces that are of other tools stay what they are', () => {
  expect(problems('sh', 'echo {{ params.dir }} {{ params.dir }}').map((line) => line.split(' ')[0])).toEqual([
    '7:6',
    '7:23',
  ]);
  for (const body of [
    "docker ps --format '{{.Names}}'",
    "helm template x --set a='{{ .Values.params.dir }}'",
    'echo "${PAWL_PARAM_DIR}" {{1..3}}',
    'f() {{ echo $params; }}',
  ])
    expect(problems('sh', body), body).toEqual([]);
});

test.each(['js', 'ts'])('%s: in a text, in a template, as code', (kind) => {
  const form = 'the function gets it as its argument: `export default async ({ params }) => …` and `params.dir`';
  const message = `\`{{ params.dir }}\` is not filled in here; ${form}`;
  expect(problems(kind, "export default () => 'x {{ params.dir }}';")).toEqual([`7:25 ${message}`]);
  expect(problems(kind, 'export default () => `\n {{ params.dir }}`;')).toEqual([`8:2 ${message}`]);
  expect(problems(kind, 'export default () => ({{ params.dir }});')).toEqual([`7:23 ${message}`]);
  expect(problems(kind, 'const dir = {{ params.dir }};\nexport default () => dir;')).toEqual([`7:13 ${message}`]);
  for (const body of [
    'export default ({ params }) => `${{ ...params }.dir}`;',
    'export default ({ params }) => {{ return params.dir; }}',
    "export default () => '{{.Names}}';",
    '// {{ params.dir }} is a comment\nexport default () => 1;',
  ])
    expect(problems(kind, body), body).toEqual([]);
});

test('a title, and expressions', () => {
  expect(problems('sh', 'true', '\ntitle: "For {{ params.dir }}"')).toEqual([
    '5:8 nothing is filled in here: a title is the same for every run; `unique` tells runs apart',
  ]);
  expect(problems('assert', '{{ params.dir }} == "x"')).toEqual([
    '7:1 an expression stands here as it is, without `{{ }}`',
  ]);
});

test.each(['{{', '{{ params ', '{{ params.x }'])('20,000 of %j end', (part) => {
  expect(problems('sh', part.repeat(20_000))).toEqual([]);
});
