/** `pawl test`: what it asks before anything runs, what it prints, how it exits. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { at, setup } from './support.ts';

const place = setup();
const pawl = (...args: string[]) => place.pawl('test', ...args);

const safe = `---
runbook: safe
title: Safe
params:
  file: { type: string }
---
\`\`\`sh { name=pay }
echo paid >> "$PAWL_PARAM_FILE"
\`\`\`
\`\`\`sh { name=set interrupted=retry }
echo set >> "$PAWL_PARAM_FILE"
echo '{"is":1}' > "$PAWL_OUTPUT"
\`\`\`
\`\`\`await { name=green timeout=1h }
claim: ci/7
until: supported
\`\`\`
\`\`\`assert { name=sums }
outputs.set.is == 1
\`\`\`
`;
const unsafe = `---
runbook: unsafe
title: Unsafe
params:
  file: { type: string }
---
\`\`\`sh { name=count interrupted=retry }
echo line >> "$PAWL_PARAM_FILE"
echo "{\\"lines\\":$(grep -c line "$PAWL_PARAM_FILE")}" > "$PAWL_OUTPUT"
\`\`\`
`;

test('secrets are given by --secret; what is allowed of AWS is what the place allows; neither is printed', async () => {
  const cells =
    '```sh { name=key uses=KEY }\ngrep -qx hunter2-hunter2 "$PAWL_SECRETS/KEY"\n```\n```aws { name=tables service=dynamodb action=ListTables retry=0 }\n```\n';
  await place.write('key.md', `---\nrunbook: key\nsecrets: { KEY: { from: "ssm:/pawl/key" } }\n---\n${cells}`);
  await place.write('key.txt', 'hunter2-hunter2\n');
  const lacking = await pawl('key.md', '--yes');
  expect(lacking).toMatchObject({ exit: 2, err: expect.stringContaining('uses the secret KEY') });
  const typed = await pawl('key.md', '--yes', '--secret', 'hunter2-hunter2');
  expect(typed).toMatchObject({ exit: 2, err: expect.stringContaining('--secret wants NAME=VALUE, or NAME=@FILE.') });
  const { exit, out, err } = await pawl('key.md', '--yes', '--secret', 'KEY=@key.txt');
  expect(exit).toBe(1);
  expect(out).toContain('dynamodb:ListTables is not allowed');
  const stubbed = await pawl('key.md', '--yes', '--secret', 'KEY=@key.txt', '--stub', 'tables={"TableNames":[]}');
  expect(stubbed.exit, stubbed.out).toBe(0);
  await place.write('allow-aws.json', '{"aws":["*"]}');
  const env = { PAWL_ALLOW: join(place.folder, 'allow-aws.json') };
  const wrong = await place.begin(['test', 'key.md', '--yes', '--secret', 'KEY=@key.txt'], { env }).ended;
  expect(wrong).toMatchObject({ exit: 2, err: expect.stringContaining('allow.aws has "*"') });
  for (const said of [typed, lacking, stubbed, { out, err }]) expect(said.out + said.err).not.toContain('hunter2');
});

describe('before anything runs', () => {
  test('it says which cells would really run, and without a terminal it wants --yes', async () => {
    await place.write('safe.md', safe);
    const file = join(place.folder, 'asked');
    const { exit, out, err } = await pawl('safe.md', '-p', `file=${file}`);
    expect(exit).toBe(2);
    expect(out).toBe(
      '2 cells will really run, with all effects:\n  pay  sh, line 7: once\n  set  sh, line 10: twice, as it is declared safe to repeat; as often as it permits, if it fails\n',
    );
    expect(err).toContain('These cells would really run: pay, set. Nothing ran. Say --yes if they may');
    await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('cells that are answered for need no agreement, and the output says which they were', async () => {
    await place.write('safe.md', safe);
    const { exit, out } = await pawl('safe.md', '-p', 'file=none', '--stub', 'pay={}', '--stub', 'set={"is":1}');
    expect(exit).toBe(0);
    expect(out).toContain(' 1  pay  sh, line 7  answered for by --stub');
    expect(out).toContain('2 answered for.');
  });

  test.each([
    [['--stub', 'pay'], 'wants NAME=JSON'],
    [['--stub', 'pay=nope'], 'wants JSON'],
    [['--stub', 'nobody={}'], 'A stub names "nobody"'],
    [['--claim', 'ci/7=green'], 'claim ci/7 cannot be taken: Invalid option: expected one of'],
    [['-p', 'nothing=1'], 'nothing'],
    [['--cell', 'nobody'], 'The cell to test names "nobody"'],
    [['--params', 'nowhere.json'], 'there is no such file'],
  ])('wrong usage is refused: %j', async (args, said) => {
    await place.write('safe.md', safe);
    const { exit, out, err } = await pawl('safe.md', '-p', 'file=none', '--yes', ...args);
    expect({ exit, said: err.includes(said) }).toEqual({ exit: 2, said: true });
    // Before anybody is asked, too.
    expect(out).toBe('');
  });
});

describe('what it finds', () => {
  test('each cell with what it comes to, a conclusion, exit code 0', async () => {
    await place.write('safe.md', safe);
    const file = join(place.folder, 'safe');
    await place.write('given.json', JSON.stringify({ file }));
    const { exit, out, err } = await pawl('safe.md', '--params', 'given.json', '--yes');
    expect({ exit, err }).toEqual({ exit: 0, err: '' });
    expect(out.split('\n').slice(3)).toEqual([
      '',
      ' 1  pay  sh, line 7  ran once',
      '    gone before its effect  in doubt: held for a person',
      '    gone after its effect   in doubt: held for a person',
      '',
      ' 2  set  sh, line 10  ran 2 times',
      '    gone before its effect  tried again, by interrupted=retry',
      '    gone after its effect   tried again, by interrupted=retry',
      '    ran again               the same result: completed',
      '',
      ' 3  green  await, line 14',
      '    nothing to interrupt: it waits as before',
      '    answered                ci/7 is supported',
      '',
      ' 4  sums  assert, line 18',
      '    nothing to interrupt: it has no effects',
      '',
      'Every cell is as declared: 10 crashes, 1 cell held for a person, 1 cell ran again with the same result.',
      '',
    ]);
    expect(await readFile(file, 'utf8')).toBe('paid\nset\nset\n');
  });

  test('a repetition with another result: exit code 1, what differed, and the next move', async () => {
    await place.write('unsafe.md', unsafe);
    const file = join(place.folder, 'unsafe');
    const { exit, out } = await pawl('unsafe.md', '-p', `file=${file}`, '-y');
    expect(exit).toBe(1);
    expect(out).toContain('    ran again               another result: output.lines: 1, then 2');
    expect(out).toContain('1 cell of 1 is not as declared:');
    expect(out).toContain('    Next: Let it return what is true afterwards, not what this attempt did;');
  });

  test('a repetition that has nothing to compare says so', async () => {
    const file = join(place.folder, 'silent');
    const silent = safe.replace(`echo '{"is":1}' > "$PAWL_OUTPUT"\n`, '').replace(/```assert[\s\S]*$/, '');
    await place.write('silent.md', silent);
    const { exit, out } = await pawl('silent.md', '-p', `file=${file}`, '--yes');
    expect(exit).toBe(0);
    expect(out).toContain('    ran again               completed again; it returns nothing, so nothing was compared\n');
  });

  test('why a probe is not sure stands whole in a pipe', async () => {
    await place.write(
      'unsure.md',
      `---\nrunbook: unsure\ntitle: Unsure\n---\n\`\`\`sh { name=go interrupted=probe }\ntrue\n\`\`\`\n\`\`\`sh { probe=go }\necho '{"answer":"perhaps"}' > "$PAWL_OUTPUT"\n\`\`\`\n`,
    );
    const { exit, out } = await pawl('unsure.md', '--yes');
    expect(exit).toBe(1);
    expect(out).toContain(
      'gone after its effect   in doubt: held for a person, since its probe is not sure: the probe gave no answer of done, not-done, unsure\n',
    );
  });

  test('runs of other runbooks, by documents beside it or as they are published', async () => {
    const run = '```run { name=it }\nrunbook: safe\nparams: { file: "{{ params.file }}" }\n```\n';
    await place.write('safe.md', safe);
    await place.write('outer.md', `---\nrunbook: outer\nparams:\n  file: { type: string }\n---\n${run}`);
    const lacking = await pawl('outer.md', '-p', 'file=none', '--yes');
    expect(lacking).toMatchObject({ exit: 2, err: expect.stringContaining('safe') });
    const answers = ['--stub', 'it/pay={}', '--claim', 'ci/7=supported'];
    const asked = await pawl('outer.md', 'safe.md', '-p', 'file=none', ...answers);
    expect(asked).toMatchObject({
      exit: 2,
      out: expect.stringContaining('  it/set  sh, line 10: for every element of it'),
    });
    const file = join(place.folder, 'inner');
    const beside = await pawl('outer.md', 'safe.md', '-p', `file=${file}`, '--yes', ...answers);
    expect(beside.exit, beside.out + beside.err).toBe(0);
    expect(beside.out).toContain('   2  it/pay  sh, line 7  answered for by --stub in 1 element\n');
    expect((await place.pawl('publish', 'safe.md')).exit).toBe(0);
    const published = await pawl('outer.md', '-p', `file=${file}`, '--yes', ...answers);
    expect(published.exit, published.out + published.err).toBe(0);
    expect(await readFile(file, 'utf8')).toBe('set\nset\nset\nset\n');
  });

  test('--json: the whole report as one document, and nothing else', async () => {
    await place.write('unsafe.md', unsafe);
    const file = join(place.folder, 'json');
    const { exit, json } = await pawl('unsafe.md', '-p', `file=${file}`, '--yes', '--json');
    expect(exit).toBe(1);
    expect(json).toMatchObject({ runbookId: 'unsafe', ok: false, result: 'completed', crashes: 4 });
    expect(at(json, 'cells', 0, 'repeat', 'differences')).toEqual([{ path: 'output.lines', before: 1, after: 2 }]);
    expect(at(json, 'findings', 0, 'code')).toBe('repeat.differs');
  });

  test('a claim that is not as it is waited for: the run does not finish, exit code 1', async () => {
    await place.write('safe.md', safe);
    const args = ['-p', 'file=none', '--stub', 'pay={}', '--stub', 'set={"is":1}', '--claim', 'ci/7=invalidated'];
    const { exit, out } = await pawl('safe.md', ...args);
    expect(exit).toBe(1);
    expect(out).toContain('The run does not finish: green halted');
  });

  test('nothing of it is left in the store of this folder', async () => {
    await place.write('safe.md', safe);
    await pawl('safe.md', '-p', `file=${join(place.folder, 'left')}`, '--yes');
    expect(await place.read('data/server.json')).toBe('');
  });

  test('--help teaches what is held, tried again and probed', async () => {
    const { exit, out } = await pawl('--help');
    expect(exit).toBe(0);
    for (const word of ['held', 'tried again', 'probed', '--stub', '--claim', 'Exit code 0'])
      expect(out).toContain(word);
  });
});
