/** Publishing a document that runs other runbooks: which versions it runs is settled then, and is a part of what is published. */
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { createEngine, loadPins, type Named, type Pinned } from '../../src/engine/index.ts';
import { runbookOf } from './runbooks.ts';
import { alice, setup } from './world.ts';

const child = (text: string): string => `---\nrunbook: child\n---\n\`\`\`sh { name=one }\n${text}\n\`\`\`\n`;
const parent = (named: string): string =>
  `---\nrunbook: parent\n---\n\`\`\`run { name=it }\nrunbook: ${named}\n\`\`\`\n`;

const world = () => {
  const { ports } = setup();
  const engine = createEngine({ ...ports, authoring });
  const pinOf = async (version: number) => {
    const [cell] = (await ports.versions.get('parent', version))?.runbook.cells ?? [];
    return cell?.body.kind === 'run' ? cell.body.pin : undefined;
  };
  return { engine, publish: (source: string) => engine.publish(source, alice), pinOf };
};

describe('a document that runs another runbook', () => {
  test('is not published before that one is, and says so with its place', async () => {
    const { publish, pinOf } = world();
    await expect(publish(parent('child'))).rejects.toMatchObject({
      code: 'runbook.invalid',
      details: {
        problems: [
          {
            line: 5,
            column: 10,
            message: 'the runbook `child` is not published: publish that document first (`pawl publish child.md`)',
          },
        ],
      },
    });
    await publish(child('true'));
    await expect(publish(parent('child@2'))).rejects.toMatchObject({ code: 'runbook.invalid' });
    expect(await pinOf(1)).toBeUndefined();
  });

  test('runs the version that is the newest then, and goes on doing so', async () => {
    const { publish, pinOf } = world();
    const first = await publish(child('true'));
    expect(await publish(parent('child'))).toMatchObject({ version: 1, created: true });
    await publish(child('false'));
    expect(await pinOf(1)).toEqual({ runbookId: 'child', version: 1, runHash: first.runHash });
  });

  test('is another version once that one has a newer one, though not a byte of it changed', async () => {
    const { publish, pinOf } = world();
    await publish(child('true'));
    const before = await publish(parent('child'));
    expect(await publish(parent('child'))).toEqual({ ...before, created: false });
    const second = await publish(child('false'));
    const after = await publish(parent('child'));
    expect(after).toMatchObject({ version: 2, sourceHash: before.sourceHash, created: true });
    expect(after.runHash).not.toBe(before.runHash);
    expect(await pinOf(2)).toEqual({ runbookId: 'child', version: 2, runHash: second.runHash });
    expect(await publish(parent('child'))).toEqual({ ...after, created: false });
  });

  test('that names a version keeps it', async () => {
    const { publish } = world();
    await publish(child('true'));
    const before = await publish(parent('child@1'));
    await publish(child('false'));
    expect(await publish(parent('child@1'))).toEqual({ ...before, created: false });
  });

  test('publishers of both at once leave no version that runs what is not there', async () => {
    const { publish, pinOf } = world();
    await publish(child('0'));
    await Promise.all([1, 2, 3].flatMap((at) => [publish(child(String(at))), publish(parent('child'))]));
    const last = await publish(parent('child'));
    expect((await pinOf(last.version))?.version).toBe(4);
  });
});

test('what runs in what is run is read as well, each version once, and what is the newest has its number', async () => {
  const body = (runbookId: string, version: number) => ({
    kind: 'run' as const,
    over: { source: '[1]', line: 1 },
    as: 'one',
    max: { count: 1 },
    stopAfter: 1,
    pin: { runbookId, version, runHash: 'f'.repeat(64) },
    params: {},
    output: null,
  });
  const all: Pinned[] = [
    { runbookId: 'a', version: 3, runHash: 'a', runbook: runbookOf([{ body: body('b', 2) }, { body: body('c', 1) }]) },
    { runbookId: 'b', version: 2, runHash: 'b', runbook: runbookOf([{ body: body('c', 1) }]) },
    { runbookId: 'c', version: 1, runHash: 'c', runbook: runbookOf([{}]) },
  ];
  const asked: Named[] = [];
  const pins = await loadPins(
    async (named) => {
      asked.push(named);
      return all.find(({ runbookId }) => runbookId === named.runbookId) ?? null;
    },
    [{ runbookId: 'a' }, { runbookId: 'gone' }],
  );
  expect(asked).toEqual([
    { runbookId: 'a' },
    { runbookId: 'gone' },
    { runbookId: 'b', version: 2 },
    { runbookId: 'c', version: 1 },
  ]);
  expect(pins({ runbookId: 'a' })).toBe(pins({ runbookId: 'a', version: 3 }));
  expect(pins({ runbookId: 'gone' })).toBeNull();
  expect(pins({ runbookId: 'nobody' })).toBeUndefined();
});
