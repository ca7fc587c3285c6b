/** A section with `each` by the command line: its elements have ids of their own, with `~`, which every command takes. */
import { beforeAll, describe, expect, test } from 'vitest';
import { at, flat, setup, transports, until } from './support.ts';

const fleet = `---
runbook: fleet
title: The fleet
params:
  dir: { type: string }
  nodes: { type: array, items: { type: string } }
---
## Restart { name=restart each="params.nodes" as=node max=2 stopAfter=2 onFailure=ask output="outputs.looked" }
\`\`\`sh { name=says }
echo "about $PAWL_ITEM"
\`\`\`
\`\`\`approve { name=go approvers="bob, alice" self=true }
Restart {{ node }}?
\`\`\`
\`\`\`manual { name=looked }
Look at {{ node }}.
\`\`\`
\`\`\`sh { name=works timeout=40s }
echo begun >> "$PAWL_PARAM_DIR/$PAWL_ITEM.runs"
until [ -e "$PAWL_PARAM_DIR/$PAWL_ITEM.go" ]; do sleep 0.1; done
\`\`\`
`;

describe.each(transports)('%s', (over) => {
  const place = setup(over);
  const pawl = (...args: string[]) => place.pawl(...args);
  const advance = (id: string) => pawl('advance', id, '--max-cells', 'all');
  const start = (id: string, ...nodes: string[]) =>
    pawl('run', 'fleet.md', '--instance', id, '-p', `dir=${place.folder}`, '-p', `nodes=${JSON.stringify(nodes)}`);
  const approve = async (element: string): Promise<void> => {
    const { out } = await pawl('vote', element, 'go');
    const shown = /Shown: ([0-9a-f]{64})/.exec(out)?.[1] ?? '';
    expect(await pawl('vote', element, 'go', '--approve', '--shown', shown)).toMatchObject({ exit: 0 });
  };

  beforeAll(() => place.write('fleet.md', fleet));

  test('an element is looked at, voted about, done and followed under its own id, and its parent ends with it', async () => {
    expect(await start('one', 'a', 'b')).toMatchObject({ exit: 3 });
    const parent = await pawl('status', 'one');
    expect(flat(parent.out)).toContain('elements 0/2 completed, 2 under way; 2 at a time');
    expect(flat(parent.out)).toContain(
      'a waiting at go for bob, alice one~restart.0 b waiting at go for bob, alice one~restart.1',
    );
    expect(parent.out).toContain("`pawl status 'one~restart.0'`");
    expect(flat((await pawl('list')).out)).toMatch(
      /waiting restart 0\/1 \S+ \S+ one 0\/2 elements, 2 waiting \S+ waiting go 1\/4 \S+ \S+ one~restart\.[01] \S+ waiting go 1\/4 /,
    );
    for (const [index, node] of ['a', 'b'].entries()) {
      const id = `one~restart.${index}`;
      const asked = await pawl('vote', id, 'go');
      expect(flat(asked.out)).toContain(`Asked Restart ${node}? Parameter`);
      expect(flat(asked.out)).toContain(`Element: node "${node}" Element: index ${index}`);
      await approve(id);
      await advance(id);
      const { out } = await pawl('status', id);
      expect(out).toContain('Parked: looked waits for a person.');
      expect(out).toContain(`pawl done '${id}' looked`);
      expect(await pawl('done', id, 'looked', '--note', 'fine')).toMatchObject({ exit: 0 });
      expect((await pawl('logs', id)).out).toContain(`about ${node}`);
      await place.write(`${node}.go`, '');
    }
    const follows = [
      place.begin(['journal', 'one', '--follow']),
      place.begin(['status', 'one', '--follow']),
      place.begin(['logs', 'one~restart.1', '--follow']),
      place.begin(['journal', 'one~restart.1', '--follow', '--json']),
    ];
    await until('the followers', () => follows.every(({ out }) => out() !== ''));
    // The service, which a `done` wakes, may hold a step of an element meanwhile.
    await until('its end', async () => (await advance('one')).exit === 0);
    for (const following of follows) expect(await following.ended).toMatchObject({ exit: 0, err: '' });
    expect(follows[0]?.out()).toContain('element 1 completed');
    const whole = await pawl('status', 'one', '--json');
    expect(at(whole.json, 'view', 'status')).toBe('completed');
    const listed = await pawl('list', '--json');
    expect((at(listed.json, 'views') as { instanceId: string }[]).map(({ instanceId }) => instanceId)).toEqual(['one']);
  });

  test('what needs somebody is listed, a verdict is given there, and the id is taken as it is everywhere', async () => {
    await start('two', 'c');
    const id = 'two~restart.0';
    const views = at((await pawl('list', '--status', 'waiting', '--json')).json, 'views') as { instanceId: string }[];
    expect(views.map(({ instanceId }) => instanceId)).toContain(id);
    await approve(id);
    await advance(id);
    expect(await pawl('done', id, 'looked', '--failed', '--note', 'smoke')).toMatchObject({ exit: 0 });
    await advance('two');
    expect(flat((await pawl('status', 'two')).out)).toContain(
      `c halted at looked ${id} Next: decide there: \`pawl status '${id}'\``,
    );
    const { json } = await pawl('status', id, '--json');
    const seq = String(at(json, 'step', 'seq'));
    const decided = await pawl('verdict', id, '--seq', seq, '--skip', '--reason', 'seen');
    expect(decided, decided.err).toMatchObject({ exit: 0 });
    await place.write('c.go', '');
    expect(await advance('two')).toMatchObject({ exit: 0 });
    for (const args of [
      ['verify', id],
      ['rebuild', id],
      ['journal', id],
      ['status', id],
      ['logs', id, 'says'],
    ])
      expect(await pawl(...args), args.join(' ')).toMatchObject({ exit: 0, err: '' });
    expect((await pawl('verify', '--all')).exit).toBe(0);
  });

  test('the cancellation of a parent says what may still run in which element, and its status goes on saying so', async () => {
    await start('three', 'd', 'e', 'f');
    await approve('three~restart.0');
    await advance('three~restart.0');
    await pawl('done', 'three~restart.0', 'looked', '--note', 'fine');
    const running = place.begin(['advance', 'three', '--max-cells', 'all']);
    await until('the cell', async () => (await place.read('d.runs')) !== '');
    const cancelled = await pawl('cancel', 'three', '--reason', 'enough');
    expect(cancelled, cancelled.err).toMatchObject({ exit: 0 });
    expect(flat(cancelled.out)).toMatch(
      /^Cancelled three: nothing further begins in it, nor in its elements\. It ends with the last of these: three~restart\.0 works is under way and may still run for \S+ s How each ends is recorded: `pawl status three`\.$/,
    );
    const again = await pawl('cancel', 'three', '--reason', 'enough', '--json');
    expect(again.json).toMatchObject({ elements: [{ instanceId: 'three~restart.0', cell: 'works' }] });
    expect(at((await pawl('status', 'three~restart.1', '--json')).json, 'view', 'status')).toBe('cancelled');
    const meanwhile = await pawl('status', 'three');
    expect(flat(meanwhile.out)).toContain(
      'Cancelled by alice: enough. Nothing further begins; it ends with its elements.',
    );
    expect(flat((await pawl('status', 'three~restart.0')).out)).toContain(
      'Cancelled by alice: with its parent three. However it ends, nothing runs after it.',
    );
    await place.write('d.go', '');
    await running.ended;
    // The service, which the `done` woke, may be the one that holds the step.
    await until('its end', async () => {
      await advance('three');
      return at((await pawl('status', 'three', '--json')).json, 'view', 'status') === 'cancelled';
    });
    expect(await place.read('e.runs')).toBe('');
  });

  test('no caller chooses an id with `~`, and what is none is said', async () => {
    const chosen = await start('four~restart.0');
    expect(chosen.exit).not.toBe(0);
    expect(chosen.err).toContain('is no instance id');
    const none = await pawl('status', 'one~restart.7');
    expect(none.err).toContain('There is no instance one~restart.7');
  });
});
