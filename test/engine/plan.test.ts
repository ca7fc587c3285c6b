/** What a start would do, asked before it: it refuses what the start refuses, says what follows from parameters, and writes nothing. */
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { createEngine, limits, type Plan, planOf } from '../../src/engine/index.ts';
import type { StoreClient } from '../../src/store/access.ts';
import type { Command } from '../support/operations.ts';
import { alice, setup } from './world.ts';

const fence = (info: string, body: string): string => `\`\`\`${info}\n${body}\n\`\`\`\n`;
const child = (text: string): string =>
  `---\nrunbook: child\nparams: { node: { type: string } }\n---\n${fence('sh { name=one }', text)}`;
const drain = `---
runbook: drain
title: Drain nodes
unique: "{{ params.site }}"
params:
  site: { type: string, pattern: "^[a-z]+$" }
  nodes: { type: array, items: { type: string }, default: [] }
  place: { type: string, default: local }
---
${fence('sh { name=prepare at="{{ params.place }}" }', 'true')}
${fence('sh { undo=prepare }', 'true')}
## Every node { each="params.nodes" as=node max=2 name=all }
${fence('sh { name=look }', 'true')}
## Then { when="has(outputs.prepare)" name=then }
${fence('approve { name=go approvers=bob expires=1h }', 'May {{ params.site }} go?')}
${fence('run { name=restore }', 'runbook: child\nparams:\n  node: "{{ params.site }}"')}
`;

const reading = ['get', 'batchGet', 'query'];

/** Operations that change something, in order. */
const counted = () => {
  const written: string[] = [];
  const world = setup((client) => {
    const send = (command: never): Promise<unknown> => {
      const { kind, table } = command as unknown as Command;
      if (!reading.includes(kind)) written.push(`${kind} ${table}`);
      return client.send(command) as Promise<unknown>;
    };
    return { send } as unknown as StoreClient;
  });
  return { world, engine: createEngine({ ...world.ports, authoring }), written };
};

const published = async () => {
  const all = counted();
  await all.engine.publish(child('true'), alice);
  await all.engine.publish(drain, alice);
  await all.engine.publish(child('false'), alice);
  return all;
};
const named = ({ cells }: Plan) => Object.fromEntries(cells.map((cell) => [cell.name, cell]));

describe('a plan', () => {
  test('says which elements, who is asked, what takes back, and what it runs in which version', async () => {
    const { engine } = await published();
    const plan = await engine.plan({ runbookId: 'drain', params: { site: 'paris', nodes: ['a', 'b'] } });
    expect(plan).toMatchObject({
      runbookId: 'drain',
      version: 1,
      title: 'Drain nodes',
      instanceId: 'drain.paris',
      params: { site: 'paris', nodes: ['a', 'b'], place: 'local' },
    });
    const cells = named(plan);
    expect(cells.prepare?.undoneBy).toEqual({ cell: 'undo_prepare', of: 'completed' });
    expect(cells.all?.input).toBe('params.nodes: 2 elements\na\nb');
    expect(cells.look?.within).toEqual(['all']);
    // What needs an output stays as it is written.
    expect([cells.then?.when, cells.go?.within]).toEqual(['has(outputs.prepare)', ['then']]);
    expect(cells.go?.input).toBe('May paris go?');
    expect(cells.go?.waits).toContain('asks bob');
    expect(cells.restore?.run).toMatchObject({
      runbookId: 'child',
      version: 1,
      newest: 2,
      params: { node: '"paris"' },
      cells: [{ name: 'one', input: 'true' }],
    });
  });

  test('writes nothing and begins nothing, while a start right after it does', async () => {
    const { engine, written, world } = await published();
    const before = written.length;
    await engine.plan({ runbookId: 'drain', params: { site: 'paris' } });
    expect(written.slice(before)).toEqual([]);
    expect([world.begun, world.events]).toEqual([[], []]);
    await engine.start({ runbookId: 'drain', params: { site: 'paris' }, by: alice });
    expect(written.length).toBeGreaterThan(before);
  });

  test.each([
    ['a runbook that is not there', { runbookId: 'none', params: {} }],
    ['a version that is not there', { runbookId: 'drain', version: 7, params: { site: 'paris' } }],
    ['a parameter that is missing', { runbookId: 'drain', params: {} }],
    ['a parameter it does not have', { runbookId: 'drain', params: { site: 'paris', sight: 'x' } }],
    ['a value that does not fit', { runbookId: 'drain', params: { site: 'PARIS' } }],
    ['what `unique` can make no id of', { runbookId: 'drain', params: { site: 'a'.repeat(130) } }],
    ['a place that is none', { runbookId: 'drain', params: { site: 'paris', place: 'no place' } }],
    ['too much', { runbookId: 'drain', params: { site: 'paris', nodes: ['x'.repeat(limits.paramsBytesMax)] } }],
  ])('refuses %s in the words of a start', async (_, request) => {
    const { engine } = await published();
    const saying = (asked: Promise<unknown>) =>
      asked.then(
        () => 'taken',
        (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
      );
    const refused = await saying(engine.plan(request));
    expect(refused).toMatch(/^(runbook\.unknown|params\.invalid|request\.invalid|limit\.exceeded): /);
    expect(refused).toBe(await saying(engine.start({ ...request, by: alice })));
  });

  test('shows so many cells of what it runs, and of the rest which version it is', async () => {
    const cells = (name: string, count: number, body: (at: number) => string): string =>
      `---\nrunbook: ${name}\n---\n${Array.from({ length: count }, (_, at) => body(at)).join('\n')}`;
    const { engine } = counted();
    await engine.publish(
      cells('many', 400, (at) => fence(`sh { name=c${at} }`, 'true')),
      alice,
    );
    await engine.publish(
      cells('often', 6, (at) => fence(`run { name=r${at} }`, 'runbook: many')),
      alice,
    );
    const { cells: found } = await engine.plan({ runbookId: 'often', params: {} });
    expect(found.map(({ run }) => run?.cells?.length ?? null)).toEqual([400, 400, 400, 400, 400, null]);
    expect(found[5]?.run).toMatchObject({ runbookId: 'many', version: 1, title: 'many' });
  });

  test('of a document that is not published has no version', () => {
    const compiled = authoring.compile(child('true'));
    if (compiled.kind !== 'runbook') throw new Error('It does not compile.');
    expect(planOf(authoring, compiled.runbook, { node: 'a' })).toMatchObject({ version: null, params: { node: 'a' } });
  });
});
