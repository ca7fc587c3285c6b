/** What a cell said outlives whatever becomes of it, and a long log keeps its beginning and its end. */
import { beforeAll, describe, expect, test } from 'vitest';
import { at, setup, transports, until } from './support.ts';

const talks = `---
runbook: talks
---
\`\`\`sh { name=works timeout=60s }
echo first
sleep 0.3
echo second
sleep 50
\`\`\`
`;
/** 3 MB of lines, and why it failed. */
const chats = `---
runbook: chats
---
\`\`\`sh { name=works timeout=30s }
echo it begins
i=0
while [ $i -lt 300 ]; do
  head -c 9999 /dev/zero | tr '\\0' x
  echo
  i=$((i + 1))
done
for i in 1 2 3 4 5; do echo "line $i"; done
echo "the disk is full"
exit 3
\`\`\`
`;
/** Goes on talking for longer than its beginning is kept, and waits. */
const floods = `---
runbook: floods
---
\`\`\`sh { name=works timeout=60s }
head -c 1500000 /dev/zero | tr '\\0' x
echo
echo "now it waits"
sleep 50
\`\`\`
`;

describe('a run that is killed in the middle of a cell', () => {
  const place = setup();
  beforeAll(async () => {
    await place.write('talks.md', talks);
    await place.write('floods.md', floods);
  });
  const logsOf = async (id: string): Promise<string> => (await place.pawl('logs', id)).out;

  test.each([
    ['talks', /^works, seq 1, .*\n {2}first\n {2}second\n$/],
    ['floods', /^works, seq 1, .*\n {2}x+\n {2}\[\d+ bytes were said before this\]\n {2}x+\n {2}now it waits\n$/],
  ])('%s: what the cell has said can be read while it runs, and after the kill', async (name, says) => {
    const run = place.begin(['run', `${name}.md`, '--instance', name]);
    await until('what it says', async () => says.test(await logsOf(name)));
    run.kill('SIGKILL');
    await run.ended;
    expect(await logsOf(name)).toMatch(says);
  });
});

describe.each(transports)('%s', (over) => {
  const place = setup(over);

  test('of 3 MB the beginning, how much is missing, and the end; the last six lines are the last', async () => {
    await place.write('chats.md', chats);
    expect((await place.pawl('run', 'chats.md', '--instance', 'long')).exit).toBe(1);
    const { out } = await place.pawl('logs', 'long');
    expect(out).toMatch(/^works, seq 1, .*\n {2}it begins\n {2}x+\n/);
    expect(out.match(/bytes of this log are missing here: logHeadBytesMax is 524288/g)).toHaveLength(1);
    expect(out).toMatch(/\n {2}line 5\n {2}the disk is full\n$/);
    const status = await place.pawl('status', 'long');
    expect(status.out).toMatch(
      /the last 6 of \d+ lines:\n {4}line 1\n {4}line 2\n {4}line 3\n {4}line 4\n {4}line 5\n {4}the disk is full\n/,
    );
    const { json } = await place.pawl('logs', 'long', '--json');
    expect(at(json, 'logs', 'length')).toBe(1);
    expect(String(at(json, 'logs', 0, 'text')).length).toBeLessThan(800_000);
  });
});
