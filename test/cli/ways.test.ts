/** Whatever is offered works: each command that is shown for each kind of halt is taken by the engine as it stands. */
import { beforeAll, describe, expect, test } from 'vitest';
import { paying } from './documents.ts';
import { at, type Ended, setup, until } from './support.ts';

const place = setup();
const pawl = (...args: string[]): Promise<Ended> => place.pawl(...args);

const head = (id: string): string => `---\nrunbook: ${id}\ntitle: Halts\n---\n`;
const fence = (info: string, body: string): string => `\`\`\`${info}\n${body}\n\`\`\`\n`;
const before = fence('sh { name=before }', `echo '{"m": 1}' > "$PAWL_OUTPUT"`);

const bob = (...args: string[]): Promise<Ended> => place.pawlWith({ PAWL_ACTOR: 'bob' })(...args);
const rejected = async (id: string): Promise<void> => {
  const asked = await pawl('status', id, '--json');
  const hash = String(at(asked.json, 'waits', 'shown', 'hash'));
  const { exit, err } = await bob('vote', id, 'at', '--reject', '--shown', hash);
  expect({ exit, err }).toEqual({ exit: 0, err: '' });
};

type Halt = {
  name: string;
  document: string;
  /** After the run: until it halts. */
  then?(id: string): Promise<unknown>;
  /** What is offered, by name, beside `cancel`. */
  offered: string[];
};
const all = ['succeeded', 'retry', 'retryFreshKey', 'skip', 'continue'];
const halts: Halt[] = [
  { name: 'failed', document: head('failed') + fence('sh { name=at }', 'exit 4'), offered: all },
  {
    name: 'unexpected',
    document: head('unexpected') + fence('sh { name=at }', 'true') + fence('cel { expect=at }', 'exitCode == 1'),
    offered: ['failed', ...all],
  },
  {
    name: 'when_error',
    document: head('when_error') + before + fence('sh { name=at when="outputs.before.n > 1" }', 'true'),
    offered: ['succeeded', 'skip', 'continue'],
  },
  {
    name: 'asserts',
    document: head('asserts') + before + fence('assert { name=at }', 'outputs.before.m == 2'),
    offered: ['failed', 'succeeded', 'skip', 'continue'],
  },
  {
    name: 'rejected',
    document: head('rejected') + fence('approve { name=at approvers="bob" }', 'Shall it?'),
    then: rejected,
    offered: ['retry', 'retryFreshKey', 'continue'],
  },
  {
    name: 'unreachable',
    document: head('unreachable') + fence('approve { name=at approvers="alice" }', 'Shall it?'),
    offered: ['continue'],
  },
  {
    name: 'by_hand',
    document: head('by_hand') + fence('manual { name=at }', 'Is it green?'),
    then: (id) => pawl('done', id, 'at', '--failed', '--note', 'it is red'),
    offered: all,
  },
  {
    name: 'timed_out',
    document: head('timed_out') + fence('await { name=at timeout=1s }', 'claim: ci/never\nuntil: supported'),
    then: (id) => until('its time to be over', async () => (await pawl('advance', id)).exit === 1),
    offered: all,
  },
  { name: 'pay', document: paying, offered: ['failed', 'succeeded', 'retry', 'retryFreshKey', 'skip'] },
];

/** As somebody pastes it, with a reason. */
const argsOf = (command: string): string[] =>
  (command.match(/"[^"]*"|\S+/g) ?? []).slice(1).map((word) => (word === '"…"' ? 'looked it up' : word));

const stepOf = async (id: string): Promise<Record<string, unknown>> => {
  let step: unknown;
  // What an attempt has begun may act until its deadline; till then only what works then is offered.
  await until('it can be decided', async () => {
    step = at((await pawl('status', id, '--json')).json, 'step');
    return at(step, 'decidableAtMs') === null;
  });
  return step as Record<string, unknown>;
};

const haltAt = async ({ name, document, then }: Halt, id: string): Promise<Record<string, string>> => {
  await place.write(`${name}.md`, document);
  const params = name === 'pay' ? ['-p', `file=${place.folder}/${id}.txt`] : [];
  await pawl('run', `${name}.md`, '--instance', id, ...params);
  await then?.(id);
  await pawl('advance', id);
  return (await stepOf(id)).commands as Record<string, string>;
};

describe.each(halts)('$name', (halt) => {
  test('what is offered is what there is, and each of it is taken', async () => {
    const first = await haltAt(halt, `${halt.name}-0`);
    expect(Object.keys(first).sort()).toEqual([...halt.offered, 'cancel'].sort());
    for (const [number, name] of Object.keys(first).entries()) {
      const commands = await haltAt(halt, `${halt.name}-${number + 1}`);
      const { exit, err } = await pawl(...argsOf(commands[name] ?? ''));
      expect({ name, exit, err }).toEqual({ name, exit: 0, err: '' });
    }
  });
});

describe('a person’s word', () => {
  test('is told apart from an outcome, and what it overrode is not nothing', async () => {
    const [, unexpected] = halts as [Halt, Halt];
    await haltAt(unexpected, 'words');
    const told = async () => at((await pawl('status', 'words', '--json')).json, 'cells', 0);
    expect(await told()).toMatchObject({ state: 'completed, not as expected', verdict: null });
    const verdict = await pawl('verdict', 'words', '--seq', '1', '--succeeded', '--reason', 'seen by eye');
    expect(verdict).toMatchObject({ exit: 0, err: '' });
    expect(await told()).toMatchObject({ state: 'completed', verdict: { verdict: 'succeeded', actor: 'alice' } });
    expect((await pawl('status', 'words')).out).toMatch(/✓ {2}at +sh +verdict by alice: succeeded/);
    expect((await pawl('run', 'unexpected.md', '--instance', 'words')).out).toContain(
      'Completed procedurally: what 1 cell expected was overridden, so nothing was verified, 1 overridden.',
    );
  });

  test('that a manual cell does not take is refused at the door', async () => {
    const asks = fence('manual { name=at }', 'Green?') + fence('cel { expect=at }', 'output.note == "green"');
    await place.write('door.md', head('door') + asks);
    await pawl('run', 'door.md', '--instance', 'door-1');
    const before = (await pawl('journal', 'door-1', '--json')).json;
    const refused = await pawl('done', 'door-1', 'at', '--note', 'dont know');
    expect(refused).toMatchObject({ exit: 2, err: expect.stringContaining('does not take this answer') });
    expect((await pawl('journal', 'door-1', '--json')).json).toEqual(before);
    expect((await pawl('done', 'door-1', 'at', '--note', 'green')).exit).toBe(0);
    expect((await pawl('status', 'door-1')).out).toMatch(/✓ {2}at +manual +completed/);
  });
});

/** Commands in the text, as they are printed. */
const shownIn = (text: string): string[] =>
  [...text.matchAll(/pawl (?:verdict|cancel|start|release|advance|done|vote) [^`\n]*/g)].map(([command]) =>
    command.trim(),
  );

describe('what the text offers is taken as well', () => {
  const shown = async (id: string): Promise<string[]> => shownIn((await pawl('status', id)).out);
  beforeAll(async () => {
    await place.write('text.md', head('text') + fence('manual { name=at }', 'Is it green?'));
  });

  test('of a manual cell: done, then advance', async () => {
    await pawl('run', 'text.md', '--instance', 'text-1');
    const commands = await shown('text-1');
    expect(commands).toHaveLength(2);
    for (const command of commands) expect(await pawl(...argsOf(command)), command).toMatchObject({ exit: 0, err: '' });
  });

  test('of a cancelled run: a fixed version goes on', async () => {
    await pawl('run', 'text.md', '--instance', 'text-2');
    await pawl('cancel', 'text-2', '--reason', 'not now');
    const [command = ''] = await shown('text-2');
    expect(command).toContain('--continue text-2');
    expect(await pawl(...argsOf(command))).toMatchObject({ exit: 0, err: '' });
  });

  test('of one that is held after a restore: released, or given up', async () => {
    for (const [number, name] of ['release', 'cancel'].entries()) {
      const id = `text-${number + 3}`;
      await pawl('start', 'text', '--instance', id);
      const restored = place.pawlWith({ PAWL_EPOCH: '1' });
      const { out } = await restored('status', id);
      const command = shownIn(out).find((one) => one.startsWith(`pawl ${name}`)) ?? '';
      expect(await restored(...argsOf(command))).toMatchObject({ exit: 0, err: '' });
    }
  });
});

describe('a step that may still act', () => {
  test('before its deadline a verdict is offered where its process is gone, and refused without that word, saying until when', async () => {
    await place.write(
      'long.md',
      paying
        .replace('runbook: pay', 'runbook: long')
        .replace('kill -9 $$', 'sleep 60')
        .replace('timeout=4s', 'timeout=2m'),
    );
    const running = place.begin(['run', 'long.md', '--instance', 'long-1', '-p', `file=${place.folder}/long.txt`]);
    await until('the charge', async () => (await place.read('long.txt')) !== '');
    running.kill('SIGINT');
    expect((await running.ended).exit).toBe(130);
    const { json, out } = await pawl('status', 'long-1', '--json');
    expect(out).not.toBe('');
    const offered = at(json, 'step', 'commands') as Record<string, string>;
    const early = Object.entries(offered).filter(([way]) => way !== 'cancel');
    expect(early.length).toBeGreaterThan(0);
    for (const [, command] of early) expect(command).toContain('--holder-gone');
    const refused = await pawl(
      'verdict',
      'long-1',
      '--seq',
      String(at(json, 'step', 'seq')),
      '--skip',
      '--reason',
      'no',
    );
    expect(refused).toMatchObject({ exit: 4, err: expect.stringContaining('may still act until') });
  });
});
