/** An approval in a section with `each`: each element asks by itself, and what is voted about names the element. */
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { createEngine, type Engine } from '../../src/engine/index.ts';
import { alice, bob, setup } from './world.ts';

const document = (after = '') => `---
runbook: fleet
title: The fleet
params:
  nodes: { type: array, items: { type: string } }
---
\`\`\`js { name=before }
export default () => 1;
\`\`\`
## Restart { name=restart each="params.nodes" as=node max=2 }
\`\`\`js { name=first }
export default () => 2;
\`\`\`
\`\`\`approve { name=go approvers="alice, bob" }
Restart {{ node }}?
\`\`\`
\`\`\`js { name=then }
export default () => 3;
\`\`\`
## After
\`\`\`js { name=last }
export default () => 4;
\`\`\`
${after}`;

const asking = async (source: string, nodes = ['a', 'b']) => {
  const world = setup();
  const engine: Engine = createEngine({ ...world.ports, authoring });
  await engine.publish(source, alice);
  await engine.start({ runbookId: 'fleet', params: { nodes }, instanceId: 'p', by: alice });
  await engine.advance('p', { budgetMs: 60_000, maxCells: Number.POSITIVE_INFINITY, by: alice });
  const approvalOf = async (instanceId: string) => {
    const { waits } = await engine.inspect(instanceId, alice);
    if (waits?.kind !== 'approve' || waits.shown === null) throw new Error(`${instanceId} asks nobody.`);
    return { ...waits, shown: waits.shown };
  };
  return { world, engine, approvalOf };
};

describe('an approval in a section with each', () => {
  test('shows the element, and the vote is bound to it', async () => {
    const { engine, approvalOf } = await asking(document());
    const first = await approvalOf('p~restart.0');
    const second = await approvalOf('p~restart.1');
    expect(first.shown).toMatchObject({
      each: { node: 'a', index: 0 },
      text: 'Restart a?',
      params: { nodes: ['a', 'b'] },
    });
    expect(second.shown).toMatchObject({ each: { node: 'b', index: 1 } });
    expect(first.shown.document).toContain('Restart {{ node }}?');
    const vote = { decision: 'approve' as const, groups: [], by: bob };
    await expect(engine.vote('p~restart.1', 'go', { ...vote, shownHash: first.shown.hash })).rejects.toMatchObject({
      code: 'vote.stale',
    });
    const voted = await engine.vote('p~restart.1', 'go', { ...vote, shownHash: second.shown.hash });
    expect(voted.decision).toBe('approved');
    const link = await engine.makeLink('p~restart.0', 'go', { actor: 'bob', by: { ...alice, actor: 'carol' } });
    expect((await engine.readLink(link.secret, alice)).shown).toEqual(first.shown);
  });

  test('is none of its starter’s: who started the parent is not asked', async () => {
    const { engine, approvalOf } = await asking(document());
    const { shown, starters } = await approvalOf('p~restart.0');
    expect(starters).toEqual(['alice']);
    const vote = { decision: 'approve' as const, groups: [], by: alice, shownHash: shown.hash };
    await expect(engine.vote('p~restart.0', 'go', vote)).rejects.toMatchObject({ code: 'vote.self' });
  });

  test('is about the cells that run: a section that begins otherwise makes another question', async () => {
    const hashOf = async (source: string) => (await (await asking(source)).approvalOf('p~restart.0')).shown.hash;
    const one = await hashOf(document());
    expect(await hashOf(document())).toBe(one);
    // What stands after the question is bound by no hash, as everywhere.
    expect(await hashOf(document('And then.'))).toBe(one);
    expect(await hashOf(document().replace('max=2', 'max=1'))).not.toBe(one);
    expect(await hashOf(document().replace('() => 1', '() => 9'))).not.toBe(one);
    expect(await hashOf(document().replace('() => 2', '() => 9'))).not.toBe(one);
  });

  test('sets free what stands after it: the rest of the section, and what follows', async () => {
    const { approvalOf } = await asking(document());
    const { freed } = await approvalOf('p~restart.0');
    expect(freed).toMatchObject({ cells: ['then', 'last'], until: null });
    const asksAgain = document('```approve { name=end approvers=bob }\nWell?\n```\n');
    const { freed: upTo } = await (await asking(asksAgain)).approvalOf('p~restart.0');
    expect(upTo).toMatchObject({ cells: ['then', 'last'], until: 'end' });
  });

  test('stops nothing for an earlier approval: its list may be empty', async () => {
    const before = document().replace(
      '```js { name=before }',
      '```approve { name=sure approvers=bob }\nSure?\n```\n$&',
    );
    const { freed } = await (await asking(before)).approvalOf('p');
    expect(freed).toMatchObject({ cells: ['before', 'restart', 'first', 'go', 'then', 'last'], until: null });
  });

  test('is kept by a continuation only where what it approved is the same', async () => {
    const { world, engine, approvalOf } = await asking(document(), ['a']);
    const { shown } = await approvalOf('p~restart.0');
    await engine.vote('p~restart.0', 'go', { decision: 'approve', groups: [], by: bob, shownHash: shown.hash });
    world.behave = ({ step }) => ({ status: step.cell === 'last' ? 'failed' : 'completed' });
    const all = { budgetMs: 60_000, maxCells: Number.POSITIVE_INFINITY, by: alice };
    expect((await engine.advance('p', all)).stop).toMatchObject({ result: 'halted', cell: 'last' });
    const continued = (params: Record<string, unknown>) =>
      engine.start({ runbookId: 'fleet', params, by: alice, continues: { instanceId: 'p', at: 'last' } });
    await expect(continued({ nodes: ['b'] })).rejects.toMatchObject({
      message: expect.stringMatching(/^What restart approved in p was something else: the parameters have changed/),
    });
    await engine.publish(document().replace('() => 2', '() => 9'), alice);
    await expect(continued({ nodes: ['a'] })).rejects.toMatchObject({
      message: expect.stringMatching(
        /^What restart approved in p was something else: the document up to it has changed/,
      ),
    });
    await engine.publish(document('And more.'), alice);
    expect((await continued({ nodes: ['a'] })).view.status).toBe('ready');
  });
});
