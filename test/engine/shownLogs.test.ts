/** Logs under the hash of what is approved: only what the outcome of the step proves is shown as its log. */
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { type CellInput, createEngine, type Engine, limits, type Note } from '../../src/engine/index.ts';
import { alice, bob, setup, type World } from './world.ts';

const document = (plan = 'sh { name=plan }', before = '') => `---
runbook: change
title: A change
---
${before}
\`\`\`${plan}
dry run
\`\`\`
\`\`\`approve { name=go approvers=bob shows=plan.log }
Apply it?
\`\`\`
\`\`\`sh { name=apply }
apply
\`\`\`
`;

type Setting = { world: World; engine: Engine };
const told = 'would add 3\nwould destroy 1\n';
const saying =
  (text: string) =>
  ({ step, log }: CellInput) => {
    if (step.cell === 'plan') for (const line of text.split(/(?<=\n)/)) log('stdout', line);
    return { status: 'completed' as const };
  };

const begin = async (source = document(), text = told): Promise<Setting> => {
  const world = setup();
  world.behave = saying(text);
  const engine = createEngine({ ...world.ports, authoring });
  await engine.publish(source, alice);
  await engine.start({ runbookId: 'change', params: {}, instanceId: 'i1', by: alice });
  return { world, engine };
};
const all = { budgetMs: 60_000, maxCells: Number.POSITIVE_INFINITY, by: alice };
const asking = async (engine: Engine, instanceId = 'i1') => {
  const { waits } = await engine.inspect(instanceId, bob);
  if (waits?.kind !== 'approve') throw new Error(`${instanceId} asks nobody.`);
  return waits;
};
const logOf = async (engine: Engine, instanceId = 'i1') => (await asking(engine, instanceId)).shown?.logs?.plan;
const note = (text: string, about = 1): Note => {
  const more = { cell: 'plan', atMs: setup().now + 500, by: alice } as const;
  return { kind: 'log', about, text, ...more };
};
const addNote = ({ world }: Setting, text: string) => world.ports.journal.addNote('i1', note(text));

describe('an approval that shows a log', () => {
  test('shows it whole; its hash stands in the outcome, and the vote is about it', async () => {
    const { world, engine } = await begin();
    await engine.advance('i1', all);
    const sha256 = world.ports.sha256(told);
    expect(await logOf(engine)).toEqual({ covers: 'whole', text: told, bytes: 28, sha256, why: null });
    const [, , outcome, waiting] = await world.entries('i1');
    expect(outcome).toMatchObject({ kind: 'outcome', cell: 'plan', logHash: sha256 });
    expect(waiting).toMatchObject({ kind: 'waiting', logs: { plan: { instanceId: 'i1', seq: 1, sha256 } } });
    const { shownHash } = await asking(engine);
    const vote = { decision: 'approve' as const, groups: [], by: bob };
    expect(await engine.vote('i1', 'go', { ...vote, shownHash })).toMatchObject({ decision: 'approved' });
    expect(await engine.verify('i1')).toMatchObject({ intact: true });
  });

  test('another log is another question', async () => {
    const hashes: string[] = [];
    for (const text of [told, `${told} `]) {
      const { engine } = await begin(document(), text);
      await engine.advance('i1', all);
      hashes.push((await asking(engine)).shownHash);
    }
    expect(new Set(hashes).size).toBe(2);
  });

  test('a cell whose log nobody shows has no hash of it', async () => {
    const { world, engine } = await begin(document().replace(' shows=plan.log', ''));
    await engine.advance('i1', all);
    expect((await world.entries('i1'))[2]).not.toHaveProperty('logHash');
    expect((await asking(engine)).shown).not.toHaveProperty('logs');
  });

  test('of a long one its beginning and its end, and the hash of the whole', async () => {
    const long = Array.from({ length: 20_000 }, (_, at) => `line ${at}\n`).join('');
    const { world, engine } = await begin(document(), long);
    await engine.advance('i1', all);
    const log = await logOf(engine);
    expect(log).toMatchObject({ covers: 'ends', bytes: long.length, sha256: world.ports.sha256(long) });
    expect(log?.text.startsWith('line 0\n')).toBe(true);
    expect(log?.text.endsWith('line 19999\n')).toBe(true);
    expect(log?.text).toContain(`characters are missing here: shownLogCharsMax is ${limits.shownLogCharsMax}`);
  });

  test('of one that was not written down whole nothing is shown, and the approval says so, also when the rest comes later', async () => {
    const { world, engine } = await begin();
    const { journal } = world.ports;
    const failing = createEngine({
      ...world.ports,
      authoring,
      journal: { ...journal, addNote: async () => Promise.reject(new Error('no room')) },
    });
    await failing.advance('i1', all);
    const sha256 = world.ports.sha256(told);
    const why = 'Not all of it was written down when this was asked.';
    const nothing = { covers: 'nothing', text: '', bytes: 28, sha256, why };
    expect(await logOf(engine)).toEqual(nothing);
    const { shownHash } = await asking(engine);
    await addNote({ world, engine }, told);
    expect(await logOf(engine)).toEqual(nothing);
    expect((await asking(engine)).shown?.hash).toBe(shownHash);
    expect(await engine.verify('i1')).toMatchObject({ intact: true });
  });

  test('what is added to a log after it was asked about is never shown as part of it, and verify tells', async () => {
    const setting = await begin();
    const { engine } = setting;
    await engine.advance('i1', all);
    await addNote(setting, 'would add nothing\n');
    expect((await asking(engine)).shown).toBeNull();
    expect(await engine.verify('i1')).toMatchObject({
      intact: false,
      breaks: [{ seq: 3, why: 'the log of plan, which it showed, is missing, incomplete or altered' }],
    });
  });

  test.each([
    ['was skipped', document('sh { name=plan when="1 > 2" }'), 'It was skipped.'],
    [
      'stands in a section that was passed over',
      document()
        .replace('```sh { name=plan }', '## Dry { name=dry when="1 > 2" }\n```sh { name=plan }')
        .replace('```approve', '## Ask\n```approve'),
      'It was not gone through.',
    ],
  ])('of a cell that %s it says that there is none', async (_, source, why) => {
    const { engine } = await begin(source);
    await engine.advance('i1', all);
    expect(await logOf(engine)).toEqual({ covers: 'nothing', text: '', bytes: 0, sha256: null, why });
  });

  test('of a step that a person closed nothing proves what its log was', async () => {
    const { world, engine } = await begin();
    world.behave = (input) => ({ ...saying(told)(input), status: 'unknown' as const });
    await engine.advance('i1', all);
    world.now += 60_000;
    await engine.verdict('i1', { seq: 1, verdict: 'succeeded', reason: 'I looked', by: alice });
    await engine.advance('i1', all);
    expect(await logOf(engine)).toMatchObject({ covers: 'nothing', why: expect.stringContaining('A person') });
  });

  test('of several attempts, the one that completed', async () => {
    const { world, engine } = await begin(document('sh { name=plan retry=1 }'));
    world.behave = (input) => {
      input.log('stdout', `attempt ${input.step.attempt}\n`);
      return { status: input.step.attempt === 1 ? 'failed' : 'completed' };
    };
    await engine.advance('i1', all);
    world.now += 600_000;
    await engine.advance('i1', all);
    expect(await logOf(engine)).toMatchObject({ covers: 'whole', text: 'attempt 2\n' });
  });

  test('in a section with each, an element shows its own log, and that of a cell before the section', async () => {
    const source = document()
      .replace('```approve', '## All { name=all each="[1, 2]" as=one }\n```sh { name=check }\nlook\n```\n```approve')
      .replace('plan.log', '"plan.log, check.log"');
    const { world, engine } = await begin(source);
    world.behave = (input) => {
      input.log('stdout', `${input.step.instanceId} ${input.step.cell}\n`);
      return { status: 'completed' };
    };
    await engine.advance('i1', all);
    const { shown } = await asking(engine, 'i1~all.0');
    expect(shown?.logs).toMatchObject({
      plan: { covers: 'whole', text: 'i1 plan\n' },
      check: { covers: 'whole', text: 'i1~all.0 check\n' },
    });
    for (const id of ['i1', 'i1~all.0']) expect(await engine.verify(id)).toMatchObject({ intact: true });
  });
});
