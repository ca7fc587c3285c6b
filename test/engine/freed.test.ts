/** What an approval sets free: shown beside what is voted about, and no part of it. */
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { createEngine, type Engine } from '../../src/engine/index.ts';
import { alice, setup } from './world.ts';

const head = '---\nrunbook: ship\ntitle: Ship it\n---\n';
const asks = '```approve { name=go approvers=bob }\nShall it go on?\n```';
const runs = (name: string, text = '1') => `\`\`\`js { name=${name} }\nexport default () => ${text};\n\`\`\``;
const second = (attributes = '') => `\`\`\`approve { name=again approvers=bob ${attributes}}\nAnd now?\n\`\`\``;

/** An instance that asks; what it says of its wait, and what a link would show. */
const asking = async (cells: string[]) => {
  const world = setup();
  const engine: Engine = createEngine({ ...world.ports, authoring });
  await engine.publish(`${head}${cells.join('\n')}\n`, alice);
  await engine.start({ runbookId: 'ship', params: {}, instanceId: 'i1', by: alice });
  await engine.advance('i1', { budgetMs: 60_000, by: alice });
  const { waits } = await engine.inspect('i1', alice);
  if (waits?.kind !== 'approve') throw new Error('It asks nobody.');
  const { secret } = await engine.makeLink('i1', 'go', { actor: 'bob', by: { ...alice, actor: 'carol' } });
  const link = await engine.readLink(secret, alice);
  expect({ shown: link.shown, freed: link.freed }).toEqual({ shown: waits.shown, freed: waits.freed });
  return waits;
};

describe('what an approval sets free', () => {
  test('is what stands after it, to the end', async () => {
    const { freed } = await asking([asks, '', 'Then ship.', runs('ship'), runs('tell')]);
    const document = `\nThen ship.\n${runs('ship')}\n${runs('tell')}\n`;
    expect(freed).toEqual({ document, cells: ['ship', 'tell'], until: null, isCut: false });
  });

  test('ends before the next question', async () => {
    const { freed } = await asking([asks, runs('ship'), second(), runs('tell')]);
    expect(freed).toEqual({ document: runs('ship'), cells: ['ship'], until: 'again', isCut: false });
  });

  test('goes on past a question that may be skipped: that one may stop nothing', async () => {
    const { freed } = await asking([asks, runs('ship'), second('when="1 == 2" '), runs('tell')]);
    expect(freed).toMatchObject({ cells: ['ship', 'again', 'tell'], until: null });
    expect(freed?.document).toContain('And now?');
  });

  test('is nothing where the runbook ends, or where the next question follows', async () => {
    expect((await asking([asks])).freed).toEqual({ document: '', cells: [], until: null, isCut: false });
    expect((await asking([asks, second()])).freed).toEqual({ document: '', cells: [], until: 'again', isCut: false });
  });

  test('is cut where an answer could not hold it, and says so', async () => {
    // Quoted twice, a quotation mark takes four bytes.
    const long = `'${'"'.repeat(150 * 1_024)}'`;
    const { freed } = await asking([asks, runs('ship', long)]);
    expect(freed).toMatchObject({ cells: ['ship'], until: null, isCut: true });
    expect(freed?.document).toHaveLength(64 * 1_024);
  });

  test('is no part of the hash: whatever stands there, the vote is about the same', async () => {
    const hash = '118c376340bd69d3a49cfca85a29d6acfb8ce1a6c80e9b3356803a48b839c54b';
    const hashes: unknown[] = [];
    for (const later of [[], [runs('ship')], [runs('ship', '2'), second(), runs('tell')]]) {
      const { shown, shownHash } = await asking([asks, ...later]);
      hashes.push(shownHash, shown?.hash);
    }
    expect(new Set(hashes)).toEqual(new Set([hash]));
  });
});
