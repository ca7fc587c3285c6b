/** A section with `each` at the command line: what is said of its elements, and how each of them is decided. */
import { mkdir } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { at, flat, setup, transports, until } from './support.ts';

/** Each element says that it began. `slow` does not end, `bad` fails until it is mended, `worse` always. */
const fleet = `---
runbook: fleet
params: { nodes: { type: array, items: { type: string } }, folder: { type: string } }
---
## Each node { name=each_node each="params.nodes" as=node max=2 stopAfter=2 onFailure=ask output="outputs.work.n" }

\`\`\`sh { name=work timeout=60s }
echo begun >> "$PAWL_PARAM_FOLDER/$PAWL_ITEM.begun"
[ "$PAWL_ITEM" != slow ] || sleep 600
[ "$PAWL_ITEM" != bad ] || [ -f "$PAWL_PARAM_FOLDER/bad.mended" ]
[ "$PAWL_ITEM" != worse ]
echo "n=$PAWL_INDEX" > "$PAWL_OUTPUT"
\`\`\`

## After

\`\`\`js { name=tell interrupted=retry }
export default ({ outputs }) => outputs.each_node.map(({ item, status }) => item + ' ' + status);
\`\`\`
`;

describe.each(transports)('%s', (over) => {
  const place = setup(over);
  const pawl = (...args: string[]) => place.pawl(...args);
  const given = (...nodes: string[]): string[] => [
    '-p',
    `nodes=${JSON.stringify(nodes)}`,
    '-p',
    `folder=${place.folder}`,
  ];
  beforeAll(async () => {
    await place.write('fleet.md', fleet);
  });
  /** A service that an element wakes may be at another one when the command answers. @returns what `pawl status` says once it is not */
  const settled = async (instanceId: string, elements: string): Promise<string> => {
    let out = '';
    await until(elements, async () => {
      out = (await pawl('status', instanceId)).out;
      return out.includes(elements);
    });
    return out;
  };

  test('an element that halted stands in status and list, is decided where it stands, and the whole goes on', async () => {
    const ran = await pawl('run', 'fleet.md', '--instance', 'halts', ...given('a', 'bad', 'b'));
    expect(ran.exit).toBe(3);
    expect(ran.out).toContain('    bad  halted at work  halts~each_node.1\n');
    expect(ran.out).toContain("Next: decide there: `pawl status 'halts~each_node.1'`.");
    expect(await settled('halts', 'elements 2/3 completed, 1 needs somebody; 2 at a time')).toContain(
      "    bad  halted at work  halts~each_node.1\nNext: decide there: `pawl status 'halts~each_node.1'`.",
    );
    const listed = await pawl('list', '--status', 'halted', '--json');
    expect((at(listed.json, 'views') as { instanceId: string }[]).map((one) => one.instanceId)).toEqual([
      'halts~each_node.1',
    ]);
    await place.write('bad.mended', '');
    const decided = await pawl('verdict', 'halts~each_node.1', '--seq', '1', '--retry', '--reason', 'mended');
    expect(decided.exit).toBe(0);
    // Whoever goes on with the whole goes on with its elements.
    expect(decided.out).toContain(
      'Next: work again, attempt 2: `pawl advance halts --max-cells all`, which goes on with all elements.',
    );
    const { exit } = await pawl('advance', 'halts', '--max-cells', 'all');
    expect(exit).toBe(0);
    expect((await pawl('output', 'halts', 'tell')).out).toBe('["a completed","bad completed","b completed"]\n');
  });

  test('an element that is given up: the section ends failed, and only what is taken is offered', async () => {
    expect((await pawl('run', 'fleet.md', '--instance', 'gives-up', ...given('a', 'worse'))).exit).toBe(3);
    await settled('gives-up', 'elements 1/2 completed, 1 needs somebody; 2 at a time');
    const cancelled = await pawl('cancel', 'gives-up~each_node.1', '--reason', 'it is gone');
    expect(cancelled).toMatchObject({ exit: 0, err: '' });
    const { exit, out } = await pawl('advance', 'gives-up', '--max-cells', 'all');
    expect(exit).toBe(1);
    expect(flat(out)).toContain('error Section each_node: 1 of 2 completed. (each.unfinished)');
    expect(flat(out)).toContain(
      '(tell may read its output: with --succeeded give --output JSON or @FILE; `pawl output gives-up each_node` prints what its elements came to)',
    );
    const { json } = await pawl('status', 'gives-up', '--json');
    expect(Object.keys(at(json, 'step', 'commands') as object)).toEqual([
      'succeeded',
      'retry',
      'skip',
      'cancel',
      'continue',
    ]);
    const came = (await pawl('output', 'gives-up', 'each_node')).out.trim();
    expect(JSON.parse(came)).toEqual([
      { item: 'a', status: 'completed', output: '0' },
      { item: 'worse', status: 'cancelled', output: null },
    ]);
    const verdict = ['verdict', 'gives-up', '--seq', String(at(json, 'step', 'seq')), '--succeeded'];
    expect((await pawl(...verdict, '--output', came, '--reason', 'it is gone')).exit).toBe(0);
    expect((await pawl('advance', 'gives-up', '--max-cells', 'all')).exit).toBe(0);
    expect((await pawl('output', 'gives-up', 'tell')).out).toBe('["a completed","worse cancelled"]\n');
  });
});

describe('a worker that is killed', () => {
  const place = setup();

  test('the elements that it had in hand are found by `pawl doubts`, before and after their time, whoever looked since', async () => {
    const env = { PAWL_TAKEOVER_GRACE_MS: '1000' };
    const call = place.pawlWith(env);
    await place.write('fleet.md', fleet.replace('timeout=60s', 'timeout=8s'));
    const given = ['-p', 'nodes=["slow"]', '-p', `folder=${place.folder}`];
    const worker = place.begin(['run', 'fleet.md', '--instance', 'killed', ...given], { env });
    await until('the element to begin', async () => (await place.read('slow.begun')) === 'begun\n');
    worker.kill('SIGKILL');
    await worker.ended;
    const listed = await call('doubts', '--runbook', 'fleet', '--json');
    const found = [...(listed.json.doubts as object[]), ...(listed.json.gone as object[])];
    expect(found).toMatchObject([{ instanceId: 'killed~each_node.0', cell: 'work', seq: 1 }]);
    await until('the doubt', async () => (await call('doubts', '--runbook', 'fleet')).exit === 5);
    expect((await call('advance', 'killed', '--max-cells', 'all')).exit).toBe(3);
    const { exit, json } = await call('doubts', '--runbook', 'fleet', '--json');
    expect(exit).toBe(5);
    expect(json.doubts).toMatchObject([
      {
        instanceId: 'killed~each_node.0',
        cell: 'work',
        commands: { succeeded: 'pawl verdict \'killed~each_node.0\' --seq 1 --succeeded --reason "…"' },
      },
    ]);
    const parked = await call('status', 'killed');
    expect(parked.out).toContain('    slow  in doubt at work  killed~each_node.0\n');
    expect(await place.read('slow.begun')).toBe('begun\n');
  });

  test.runIf(process.platform === 'linux')(
    'while its time is not over, `status` says that its process is gone, and `doubts` that nothing is in doubt yet',
    async () => {
      await place.write('fleet.md', fleet);
      const given = ['-p', 'nodes=["slow"]', '-p', `folder=${place.folder}/again`];
      await mkdir(`${place.folder}/again`);
      const worker = place.begin(['run', 'fleet.md', '--instance', 'left', ...given]);
      await until('the element to begin', async () => (await place.read('again/slow.begun')) === 'begun\n');
      worker.kill('SIGKILL');
      await worker.ended;
      const status = async () => (await place.pawl('status', 'left')).out;
      await until('its runner to have ended', async () => (await status()).includes('is gone'));
      const out = await status();
      expect(out).toMatch(/ {4}slow {2}\w+( at work)?, its process gone {2}left~each_node\.0\n/);
      expect(out).toContain('The process of 1 element is gone: `pawl doubts` names each step');
      expect(out).toContain('\nIt goes on by itself with the schedule of a service; without one, `pawl advance left');
      const doubts = await place.pawl('doubts', '--runbook', 'fleet');
      expect(doubts.out).toContain('left~each_node.0  fleet version');
      expect(doubts.out).toMatch(
        /Nothing of fleet is in doubt yet: the process of \d steps? is gone, and the time is not over\.\n/,
      );
      expect(doubts.out).not.toContain('Nothing of fleet is in doubt.');
    },
  );
});
