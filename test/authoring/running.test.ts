import { expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';

const fence = (info: string, body = 'true'): string => `\`\`\`${info}\n${body}\n\`\`\`\n`;
const compile = (...fences: string[]) => authoring.compile(`---\nrunbook: demo\n---\n${fences.join('')}`);
const cellsOf = (...fences: string[]) => {
  const compiled = compile(...fences);
  if (compiled.kind === 'problems') throw new Error(JSON.stringify(compiled.problems));
  return compiled.runbook.cells;
};
const problems = (...fences: string[]): string[] => {
  const compiled = compile(...fences);
  return compiled.kind === 'runbook' ? [] : compiled.problems.map((p) => `${p.line}:${p.column} ${p.message}`);
};

test('a script is compiled with what it is run by, so a version says it', () => {
  const bodies = cellsOf(
    fence('sh { name=a }'),
    fence('sh { name=b errexit=off }'),
    fence('sh { name=c shell=bash interrupted=probe }'),
    fence('sh { probe=c errexit=off shell=bash }'),
  ).map(({ body }) => body);
  expect(bodies).toEqual([
    { kind: 'sh', code: 'true', errexit: true },
    { kind: 'sh', code: 'true' },
    { kind: 'sh', code: 'true', errexit: true, shell: 'bash' },
  ]);
  expect(
    cellsOf(fence('sh { name=a interrupted=probe }'), fence('sh { probe=a errexit=off shell=bash }'))[0]?.probe?.body,
  ).toEqual({
    kind: 'sh',
    code: 'true',
    shell: 'bash',
  });
});

test('what a version says of how a script is run is what is run: nothing of it is lost when it is filled in', () => {
  const bodies = cellsOf(fence('sh { name=a }'), fence('sh { name=b errexit=off shell=bash }')).map(({ body }) => body);
  const scope = { params: {}, outputs: {}, step: {} };
  expect(bodies.map((body) => authoring.renderBody(body, scope))).toEqual(
    bodies.map((body) => ({ kind: 'body', body })),
  );
});

test.each([
  ['sh { name=a errexit=on }', 'true', '4:24 `errexit` is off, not `on`'],
  ['sh { name=a shell=zsh }', 'true', '4:22 `shell` is bash, not `zsh`'],
  ['sh { name=a shell=bash }', '#!/bin/sh\ntrue', '4:22 this script has a `#!` line'],
  ['js { name=a shell=bash }', 'export default () => 1', '4:16 unknown attribute `shell` for `js` cells'],
  ['ts { name=a errexit=off }', 'export default () => 1', '4:16 unknown attribute `errexit` for `ts` cells'],
])('%s is refused', (info, body, says) => {
  expect(problems(fence(info, body))).toEqual([expect.stringContaining(says)]);
});

test('a script reads the outputs that it names, and by a name that is made when it runs all of them', () => {
  const before = [fence('sh { name=leader }'), fence('sh { name=leader_node }'), fence('sh { name=other }')];
  const reads = (body: string) => cellsOf(...before, fence('sh { name=last }', body)).at(-1)?.reads;
  expect(reads('echo "$PAWL_OUT_leader"')).toEqual(['leader']);
  expect(reads('echo "$PAWL_OUT_leader_node"')).toEqual(['leader', 'leader_node']);
  expect(reads('echo "$PAWL_OUT_other_id ${PAWL_OUT_leader_x-}"')).toEqual(['leader', 'other']);
  expect(reads('env | grep ^PAWL_OUT_')).toBe('all');
  expect(reads('eval "echo \\$PAWL_OUT_$1"')).toBe('all');
  expect(reads('cat "$PAWL_OUTPUTS/leader.txt"')).toBe('all');
  expect(reads('echo a=1 > "$PAWL_OUTPUT"')).toEqual([]);
});

test('an output that cannot be there is refused', () => {
  expect(problems(fence('sh { name=leader }'), fence('sh { name=b }', 'echo "$PAWL_OUT_leadr"'))).toEqual([
    '8:8 there is no cell `leadr` whose output could be read; did you mean `leader`?',
  ]);
  expect(problems(fence('sh { name=a }', 'echo "$PAWL_OUT_b"'), fence('sh { name=b }'))).toEqual([
    expect.stringContaining('cell `b` stands later (line 7)'),
  ]);
});

test('a script that only reads PAWL_OUTPUTS leaves no output', () => {
  const reader = fence('sh { name=a }', 'ls "$PAWL_OUTPUTS"');
  expect(
    problems(
      reader,
      fence('assert { name=b }', 'true'),
      fence('http { name=c }', 'GET https://x.example/{{ outputs.a }}'),
    ),
  ).toEqual([expect.stringContaining('`outputs.a` may be absent')]);
});

test('a request asks for the cookies of its answer by cookies=keep, and by nothing else', () => {
  const http = (attributes: string) => fence(`http { name=a ${attributes} }`, 'GET https://x.example/');
  const [cell] = cellsOf(http('cookies=keep'));
  expect(cell?.body).toMatchObject({ kind: 'http', cookies: 'keep' });
  const scope = { params: {}, outputs: {}, step: {} };
  expect(authoring.renderBody(cell?.body as never, scope)).toMatchObject({ kind: 'body', body: { cookies: 'keep' } });
  expect(cellsOf(http(''))[0]?.body).not.toHaveProperty('cookies');
  expect(problems(http('cookies=all'))).toEqual([expect.stringContaining('`cookies` is keep, not `all`')]);
});

test('redirects are followed of GET and HEAD only, so often as the cell says; a probe may say it too', () => {
  const http = (attributes: string, method = 'GET') =>
    fence(`http { name=a ${attributes} }`, `${method} https://x.example/`);
  const [cell] = cellsOf(http('redirects=3'));
  expect(cell?.body).toMatchObject({ kind: 'http', redirects: 3 });
  const scope = { params: {}, outputs: {}, step: {} };
  expect(authoring.renderBody(cell?.body as never, scope)).toMatchObject({ kind: 'body', body: { redirects: 3 } });
  expect(cellsOf(http('', 'POST'))[0]?.body).not.toHaveProperty('redirects');
  const probe = fence('http { probe=a redirects=2 done="true" notDone="false" }', 'HEAD https://x.example/');
  expect(cellsOf(http('interrupted=probe', 'POST'), probe)[0]?.probe?.body).toMatchObject({ redirects: 2 });
  for (const wrong of ['0', '11', 'all', '-1'])
    expect(problems(http(`redirects=${wrong}`))).toEqual([
      expect.stringContaining('`redirects` is a whole number from 1 to 10 (httpRedirectsMax)'),
    ]);
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
    expect(problems(http('redirects=1', method))).toEqual([
      expect.stringContaining(`of GET and HEAD only, not of \`${method}\``),
    ]);
});
