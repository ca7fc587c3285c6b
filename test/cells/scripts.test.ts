/** What an `sh` cell of a runbook may rely on: how its shell is begun, and what it finds by name. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { createExecute, scriptProblems } from '../../src/cells/index.ts';
import { readDocuments } from '../../src/cli/documents.ts';
import { type CellInput, limits, type RenderedBody } from '../../src/engine/index.ts';
import { testRunbook } from '../../src/testing/index.ts';
import { type Ran, run } from './cells.ts';

type Script = Partial<Extract<RenderedBody, { kind: 'sh' }>>;
/** As publishing compiles it. */
const script = (code: string, over: Partial<CellInput> = {}, body: Script = {}): Promise<Ran> =>
  run({ kind: 'sh', code, errexit: true, ...body }, over);

describe('a script', () => {
  const broken = 'false\necho went on';
  test.each([
    ['by itself', broken, {}],
    ['with shell=bash', broken, { shell: 'bash' }],
    ['with a `#!` line', `#!/bin/sh\n${broken}`, {}],
    ['with a `#!` line that asks env', `#!/usr/bin/env bash\n${broken}`, {}],
    ['with a `#!` line that has options', `#!/usr/bin/env -S bash -x\n${broken}`, {}],
  ] as const)('ends at the first command that fails: %s', async (_how, code, body) => {
    const ran = await script(code, {}, body);
    expect(ran).toMatchObject({ status: 'failed', exitCode: 1, error: { code: 'cell.exit' } });
    expect(ran.log).not.toContain('went on');
  });
  test('of a document is run as its attributes say, by the whole engine', async () => {
    const endOf = async (attributes: string) => {
      const fence = `\`\`\`sh { name=a timeout=10s ${attributes}}\nfalse\n[[ "$not_set" == "" ]]\n\`\`\`\n`;
      return (await testRunbook(`---\nrunbook: demo\n---\n${fence}`)).cells[0]?.ended?.status;
    };
    expect(await endOf('')).toBe('failed');
    expect(await endOf('errexit=off shell=bash ')).toBe('completed');
  });
  test('ends where a variable is not set', async () => {
    const ran = await script('echo "in $PAWL_PARAM_DRI/"; echo went on', { params: { dir: 'x' } });
    expect(ran).toMatchObject({ status: 'failed', error: { code: 'cell.exit' } });
    expect(ran.log).toContain('PAWL_PARAM_DRI');
    expect(ran.log).not.toContain('went on');
  });
  test('of a version from before goes on, as it did; so does one that says errexit=off', async () => {
    const ran = await run({ kind: 'sh', code: `${broken} $never_set` });
    expect(ran).toEqual({ status: 'completed', exitCode: 0, log: 'went on\n' });
  });
  test('is run by bash where it says so, and else by sh', async () => {
    const which = 'echo "bash: ${BASH_VERSION-none}"';
    expect((await script(which, {}, { shell: 'bash' })).log).toMatch(/^bash: \d/);
    expect((await script(`#!/usr/bin/env bash\n${which}`)).log).toMatch(/^bash: \d/);
    expect((await script('a=(1 2); echo "${a[1]}"', {}, { shell: 'bash' })).log).toBe('2\n');
  });
  test('of another interpreter gets no option of a shell', async () => {
    expect((await script('#!/usr/bin/env node\nconsole.log(process.argv.length)')).log).toBe('2\n');
  });
});

describe('earlier outputs by name', () => {
  const outputs = {
    leader:
      '{"node":"db-2","port":5432,"up":true,"lag":null,"big":12345678901234567890,"a-b":1,"tags":["x","y"],"in":{"a":1}}',
    count: '3.10',
    hosts: '["db-1","db 2",3,{"a":1}]',
  };
  test('scalars are variables, written as they came', async () => {
    const code = 'env | grep ^PAWL_OUT_ | sort; test -z "${PAWL_OUT_leader_lag-}"';
    const ran = await script(code, { outputs });
    expect(ran.log.trim().split('\n')).toEqual([
      'PAWL_OUT_count=3.10',
      'PAWL_OUT_leader_big=12345678901234567890',
      'PAWL_OUT_leader_node=db-2',
      'PAWL_OUT_leader_port=5432',
      'PAWL_OUT_leader_up=true',
    ]);
  });
  test('everything is a file, a list one with an element in each line', async () => {
    const ran = await script(
      'cd "$PAWL_OUTPUTS"; ls; cat hosts.txt; cat leader.tags.txt; cat leader.json; cat count.txt',
      { outputs },
    );
    expect(ran.log).toBe(
      [
        ...['count.json', 'count.txt', 'hosts.json', 'hosts.txt', 'leader.big.txt', 'leader.json', 'leader.node.txt'],
        ...['leader.port.txt', 'leader.tags.txt', 'leader.up.txt'],
        ...['db-1', 'db 2', '3', '{"a":1}', 'x', 'y', `${outputs.leader}3.10`],
      ].join('\n'),
    );
  });
  test('a loop over a list sees each element', async () => {
    const ran = await script('while read -r host; do echo "<$host>"; done < "$PAWL_OUTPUTS/hosts.txt"', { outputs });
    expect(ran.log).toBe('<db-1>\n<db 2>\n<3>\n<{"a":1}>\n');
  });
  test('a list of which an element has a line break has no lines', async () => {
    const ran = await script('ls "$PAWL_OUTPUTS"', { outputs: { a: '["x\\ny"]', b: '["x\\u0000"]', c: '[]' } });
    expect(ran.log).toBe('a.json\nb.json\nc.json\nc.txt\n');
  });
  test.each([
    ['a list', { hosts: ['a', 'b\nc'] }, {}, 'for x in $(cat "$PAWL_PARAMS/hosts.txt"); do echo "$x"; done', 'hosts'],
    ['an object', { hosts: { a: 1 } }, {}, 'cat "$PAWL_PARAMS"/hosts.txt', 'hosts'],
    ['a field', { a: { hosts: ['\0'] } }, {}, 'cat "${PAWL_PARAMS}/a.hosts.txt"', 'a'],
    ['an output', {}, { hosts: '["a\\nb"]' }, 'x=$(cat $PAWL_OUTPUTS/hosts.txt)', 'hosts'],
  ])('a script is not begun that names the lines of what has none: %s', async (_what, params, given, code, name) => {
    const ran = await script(`echo begun; ${code}`, { params, outputs: given as Record<string, string> });
    expect(ran).toMatchObject({ status: 'failed', unbegun: true, error: { code: 'cell.noLines' }, log: '' });
    expect(ran.error?.message).toContain(`hosts.txt, which the script names`);
    expect(ran.error?.message).toContain(`Read ${name}.json instead`);
  });
  test('a script that asks whether there are lines, or reads the value otherwise, is begun', async () => {
    const params = { hosts: ['a\nb'], none: null, ok: ['x'] };
    const asks = 'if [ -e "$PAWL_PARAMS/hosts.txt" ]; then cat "$PAWL_PARAMS/hosts.txt"; else echo no lines; fi';
    expect((await script(asks, { params })).log).toBe('no lines\n');
    const other = '# not "$PAWL_PARAMS/hosts.txt"\ncat "$PAWL_PARAMS/hosts.json" "$PAWL_PARAMS/ok.txt"';
    expect((await script(other, { params })).log).toBe('["a\\nb"]x\n');
    expect((await script('cat "$PAWL_PARAMS/none.txt" || echo none', { params })).log).toContain('none\n');
  });
  test.each([
    ['a text', 'a\nb', 'a\nb'],
    ['anything else', { b: [1] }, '{"b":[1]}'],
  ])('of a section with each has its element as PAWL_ITEM, the innermost one: %s', async (_what, node, expected) => {
    const each = { rack: 'r1', node, index: 7 };
    const ran = await script('printf "%s %s" "$PAWL_ITEM" "$PAWL_INDEX"', { each });
    expect(ran.log).toBe(`${expected} 7`);
  });
  test.each([
    ['too large', 'x'.repeat(limits.scriptValueBytesMax + 1), 'scriptValueBytesMax is 32768'],
    ['no text that a variable could hold', 'a\0b', 'has a NUL character'],
  ])(
    'is not begun where it names an element that is %s; one that reads it from its file is',
    async (_what, node, why) => {
      const each = { node, index: 0 };
      const ran = await script('echo "$PAWL_ITEM"', { each });
      expect(ran).toMatchObject({ status: 'failed', unbegun: true, error: { code: 'cell.noItem' }, log: '' });
      expect(ran.error?.message).toContain(why);
      const other = await script('echo "$PAWL_INDEX"; grep -c "each" "$PAWL_INPUTS"', { each });
      expect(other.log).toBe('0\n1\n');
    },
  );
  test('a refused script is one attempt, and a run halts with what to do', async () => {
    const fence = '```sh { name=a retry=2 }\ncat "$PAWL_PARAMS/hosts.txt"\n```\n';
    const source = `---\nrunbook: demo\nparams: { hosts: { type: array, default: ["a\\nb"] } }\n---\n${fence}`;
    const [cell] = (await testRunbook(source)).cells;
    expect(cell).toMatchObject({ attempts: 1, ended: { status: 'failed' } });
    expect(cell?.ended?.error).toContain('the parameter `hosts` has an element with a line break or a NUL');
  });
  test('a name that two values would have is given to neither', async () => {
    const both = { a: '{"b":"1","c":"2"}', a_b: '"3"' };
    const ran = await script('env | grep ^PAWL_OUT_; cat "$PAWL_OUTPUTS/a.b.txt" "$PAWL_OUTPUTS/a_b.txt"', {
      outputs: both,
    });
    expect(ran.log).toBe('PAWL_OUT_a_c=2\n13');
  });
  test('what no variable can hold stands in its file alone', async () => {
    const long = 'x'.repeat(limits.scriptValueBytesMax + 1);
    const given = {
      nul: '"a\\u0000b"',
      long: JSON.stringify(long),
      name: JSON.stringify({ [`n${'m'.repeat(64)}`]: 1 }),
    };
    const ran = await script(
      'env | grep -c ^PAWL_OUT_ || true; wc -c < "$PAWL_OUTPUTS/nul.txt"; wc -c < "$PAWL_OUTPUTS/long.txt"',
      { outputs: given },
    );
    expect(ran.log.replace(/ /g, '')).toBe(`0\n3\n${long.length}\n`);
  });
  test('many values are variables as long as they fit together, and the cell begins', async () => {
    const value = JSON.stringify('x'.repeat(limits.scriptValueBytesMax - 100));
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`c${i}`, value]));
    const ran = await script('env | grep -c ^PAWL_OUT_; ls "$PAWL_OUTPUTS" | wc -l', { outputs: many });
    expect(ran.log.replace(/ /g, '')).toBe(
      `${Math.floor(limits.scriptValuesBytesMax / limits.scriptValueBytesMax)}\n80\n`,
    );
  });
  test('an object of many fields is one file', async () => {
    const fields = JSON.stringify(Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`f${i}`, i])));
    const ran = await script('env | grep -c ^PAWL_OUT_ || true; ls "$PAWL_OUTPUTS"', { outputs: { a: fields } });
    expect(ran.log).toBe('0\na.json\n');
  });
  test('lists of parameters are files too', async () => {
    const params = { hosts: ['a', 'b'], dir: '/srv', opts: { deep: true } };
    const ran = await script(
      'cat "$PAWL_PARAMS/hosts.txt"; cat "$PAWL_PARAMS/opts.deep.txt"; echo; cat "$PAWL_PARAMS/dir.json"',
      { params },
    );
    expect(ran.log).toBe('a\nb\ntrue\n"/srv"');
  });
  test('no value is carried out', async () => {
    const ran = await script('printf %s "$PAWL_OUT_a"', { outputs: { a: '"$(touch /tmp/pwned); `id` \\"; id"' } });
    expect(ran.log).toBe('$(touch /tmp/pwned); `id` "; id');
  });
});

test('a script has what its step is by name, as a function has', async () => {
  const code = 'env | grep -E "^PAWL_(INSTANCE_ID|RUNBOOK_ID|VERSION|CELL|SEQ|VISIT|ATTEMPT|DEADLINE_AT_MS)=" | sort';
  expect((await script(code)).log.trim().split('\n')).toEqual([
    'PAWL_ATTEMPT=1',
    'PAWL_CELL=cell',
    'PAWL_DEADLINE_AT_MS=1795489200000',
    'PAWL_INSTANCE_ID=i1',
    'PAWL_RUNBOOK_ID=demo',
    'PAWL_SEQ=7',
    'PAWL_VERSION=1',
    'PAWL_VISIT=1',
  ]);
});

describe('PAWL_OUTPUT', () => {
  test.each([
    ['node=db-2\\nport=5432\\n', { node: 'db-2', port: '5432' }],
    ['a=1', { a: '1' }],
    ['\\n a=1\\n', undefined],
    ['a= x = y \\n\\nb=\\n', { a: ' x = y ', b: '' }],
    ['a=1\\r\\nb=2\\r\\n', { a: '1', b: '2' }],
    ['a="quoted"', { a: '"quoted"' }],
    ['__proto__=1', JSON.parse('{"__proto__":"1"}')],
    ['a=1\\na=2', undefined],
    ['a=1\\nand then', undefined],
    ['1a=1', undefined],
    ['=1', undefined],
    ['{"a": 1', undefined],
  ])('takes lines KEY=value, and %s is %j', async (written, value) => {
    const ran = await script(`printf '${written}' > "$PAWL_OUTPUT"`);
    if (value !== undefined) expect(ran).toMatchObject({ status: 'completed', output: JSON.stringify(value) });
    else {
      expect(ran).toMatchObject({ status: 'completed', error: { code: 'output.invalid' } });
      expect(ran.output).toBeUndefined();
    }
  });
  test('lines that are over the limit as JSON are cut, with their size', async () => {
    const ran = await script(`head -c 4000000 /dev/zero | tr '\\0' '"' | sed 's/^/a=/' > "$PAWL_OUTPUT"`);
    expect(ran).toMatchObject({ status: 'completed', outputBytes: 8_000_008 });
    expect(ran.output).toHaveLength(limits.outputHeadBytesMax);
  });
});

describe('a shell is asked whether it can read a script', () => {
  const problemsOf = async (...fences: string[]): Promise<string[]> => {
    const compiled = authoring.compile(`---\nrunbook: demo\n---\n${fences.join('\n')}`);
    if (compiled.kind === 'problems') throw new Error(JSON.stringify(compiled.problems));
    return (await scriptProblems(compiled.runbook)).map(({ line, message }) => `${line} ${message}`);
  };
  const fence = (info: string, body: string): string => `\`\`\`${info}\n${body}\n\`\`\``;
  test('before anything of it runs, with the line in the document', async () => {
    expect(await problemsOf(fence('sh { name=a }', 'echo 1\nif true; then\n  echo 2\ndone'))).toEqual([
      expect.stringMatching(/^8 the shell cannot read this script: .*done/),
    ]);
    expect(await problemsOf(fence('sh { name=a shell=bash }', 'echo 1\na=(1 2'))).toEqual([
      expect.stringMatching(/^[67] the shell cannot read this script: /),
    ]);
  });
  test('each by its own: what bash can read may be nothing to sh', async () => {
    const list = 'a=(1 2)\necho "${a[@]}"';
    expect(await problemsOf(fence('sh { name=a shell=bash }', list))).toEqual([]);
    expect(await problemsOf(fence('sh { name=a }', `#!/usr/bin/env bash\n${list}`))).toEqual([]);
    expect(await problemsOf(fence('sh { name=a }', '#!/usr/bin/env node\nif (1) { done(); }'))).toEqual([]);
    expect(await problemsOf(fence('sh { name=a }', '#!/nowhere/at/all/bash\nif'))).toEqual([]);
  });
  test('probes too', async () => {
    const cell = fence('sh { name=a interrupted=probe }', 'true');
    expect(await problemsOf(cell, fence('sh { probe=a }', 'case x'))).toEqual([
      expect.stringMatching(/^(8|9) the shell cannot read this script/),
    ]);
  });
  test('whenever a document is read on the command line: nothing of it is published or run', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'scripts-test-'));
    try {
      const file = join(dir, 'a.md');
      writeFileSync(file, `---\nrunbook: demo\n---\n${fence('sh { name=a }', 'rm -rf x\nfi')}\n`);
      await expect(readDocuments(authoring, [file], async () => undefined)).rejects.toMatchObject({
        code: 'runbook.invalid',
        details: {
          problems: [{ file, line: 6, column: 1, message: expect.stringContaining('cannot read this script') }],
        },
      });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
  test('and carries out none of it', async () => {
    expect(await problemsOf(fence('sh { name=a }', 'echo "$(touch /tmp/pawl-check-ran)"; exit 3'))).toEqual([]);
    expect(existsSync('/tmp/pawl-check-ran')).toBe(false);
  });
});

test('the remote executor takes the same bodies as the local one', async () => {
  const { cellEvent } = await import('../../src/handlers/remote.ts');
  const body = { kind: 'sh', code: 'true', errexit: true, shell: 'bash' };
  expect(cellEvent.shape.body.parse(body)).toEqual(body);
  expect(typeof createExecute()).toBe('function');
});
