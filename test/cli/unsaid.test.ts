/** A verdict without an output that a later cell reads: said before, when it is given, and where the run then halts. */
import { beforeAll, expect, test } from 'vitest';
import { at, flat, setup, until } from './support.ts';

const place = setup();
const pawl = (...args: string[]) => place.pawl(...args);
const promoting = (id: string): string => `---
runbook: ${id}
title: Promotes
params:
  file: { type: string }
---
\`\`\`sh { name=promote timeout=60s }
echo "begun $$" >> "$PAWL_PARAM_FILE"
[ "$PAWL_PARAM_FILE" = none ] && exit 1
until [ -e "$PAWL_PARAM_FILE.go" ]; do sleep 0.05; done
echo '{"primary": "n1"}' > "$PAWL_OUTPUT"
\`\`\`
\`\`\`manual { name=follow }
Point the replicas at {{ outputs.promote.primary }}.
\`\`\`
\`\`\`sh { name=after }
true
\`\`\`
`;
const hint = '(follow may read its output: with --succeeded give --output JSON or @FILE)';
const leaves = 'It leaves no output of promote, which follow may read: none can be given to it any more.';

/** A run halted at `promote`, which failed. */
const halted = async (id: string): Promise<void> => {
  expect((await pawl('run', 'promoting.md', '--instance', id, '-p', 'file=none')).exit).toBe(1);
};

beforeAll(async () => {
  await place.write('promoting.md', promoting('promoting'));
});

test.runIf(process.platform === 'linux')(
  'where the holder is gone: the output is asked for beside the verdict',
  async () => {
    const worker = place.begin(['run', 'promoting.md', '--instance', 'n1', '-p', `file=${place.folder}/n1.txt`]);
    await until('the cell to begin', async () => (await place.read('n1.txt')).startsWith('begun'));
    expect((await pawl('status', 'n1')).out).not.toContain(hint);
    worker.kill('SIGKILL');
    await worker.ended;
    await until('its runner to have ended', async () => (await pawl('status', 'n1')).out.includes('--holder-gone'));
    expect(flat((await pawl('status', 'n1')).out)).toContain(hint);
    expect(flat((await pawl('doubts')).out)).toContain(hint);
    const verdict = ['verdict', 'n1', '--seq', '1', '--succeeded', '--holder-gone', '--reason', 'n2 is primary'];
    const { exit, out } = await pawl(...verdict);
    expect(exit).toBe(0);
    expect(flat(out)).toContain(leaves);
  },
);

test('the halt after it says whose verdict left none, and the ways on that it names lead on', async () => {
  await halted('n2');
  const { out } = await pawl('verdict', 'n2', '--seq', '1', '--succeeded', '--reason', 'by hand');
  expect(flat(out)).toContain(leaves);
  const advanced = await pawl('advance', 'n2', '--max-cells', 'all');
  expect(advanced.exit).toBe(1);
  const { json } = await pawl('status', 'n2', '--json');
  expect(at(json, 'step', 'recorded', 'error')).toMatchObject({
    code: 'inputs.unresolvable',
    message: expect.stringContaining('The verdict about promote (seq 1, succeeded, by alice) left no output'),
  });
  const commands = at(json, 'step', 'commands') as Record<string, string>;
  expect(Object.keys(commands).sort()).toEqual(['cancel', 'continue', 'skip', 'succeeded']);
  await place.write('mended.md', promoting('promoting').replace('{{ outputs.promote.primary }}', 'n2'));
  await pawl('publish', 'mended.md');
  expect((await place.shell(String(commands.continue).replace('…', 'it does not read it'))).exit).toBe(0);
  const { out: rest } = await pawl('advance', 'n2.2', '--max-cells', 'all');
  expect(rest).toContain('Point the replicas at n2.');
});

test('passing over it leaves none either, and with an output nothing is said', async () => {
  await halted('n3');
  const { out: skipped } = await pawl('verdict', 'n3', '--seq', '1', '--skip', '--reason', 'not needed');
  expect(flat(skipped)).toContain(leaves);
  await halted('n4');
  const given = ['--succeeded', '--output', '{"primary":"n2"}', '--reason', 'by hand'];
  const { out } = await pawl('verdict', 'n4', '--seq', '1', ...given);
  expect(flat(out)).not.toContain('no output');
  expect((await pawl('advance', 'n4')).out).toContain('Point the replicas at n2.');
});
