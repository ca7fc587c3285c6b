/** Real processes, real threads, kill -9: what a task commits and what the journal says of it are one. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authoringWith } from '../../src/authoring/index.ts';
import { createExecute, readTasks } from '../../src/cells/index.ts';
import { createEngine, type Engine } from '../../src/engine/index.ts';
import { portsOn } from '../support/engine.ts';
import { type UserTables, userTables } from '../support/userTables.ts';
import { type FreshStore, freshStore, storeKinds } from '../support/world.ts';
import type { CommitterOptions } from './committer.ts';

const by = { actor: 'ada', via: 'test', where: 'here:1' };
const request = { budgetMs: 60_000, by };
/** First those whose step is open until its deadline. */
const points = ['before the commit', 'by its parent', 'after the commit', 'never'] as const;
type Point = (typeof points)[number];
const process_ = join(import.meta.dirname, 'committer.ts');

describe.each(await storeKinds())('on %s', (kind) => {
  let world: FreshStore;
  let tables: UserTables;
  let engine: Engine;
  let tasks = '';
  const read = () => readTasks(tasks, 'tasks');
  const run = async (killed: CommitterOptions['killed'], instanceId: string): Promise<string> => {
    const appendOnly = kind === 'insert' ? 'insert' : 'put';
    const store =
      kind === 'sqlite' ? { file: world.file } : { endpoint: world.endpoint, prefix: world.prefix, appendOnly };
    const options = JSON.stringify({ store, tasks, instanceId, killed });
    return await new Promise((resolve) => {
      const child = execFile(process.execPath, ['--no-warnings', process_, options], (error, stdout, stderr) =>
        resolve(error?.signal ?? `${stdout}${stderr}`),
      );
      if (killed !== 'by its parent') return;
      const look = setInterval(() => {
        if (!existsSync(join(tasks, 'began-by its parent'))) return;
        clearInterval(look);
        child.kill('SIGKILL');
      }, 20);
    });
  };
  const instanceOf = (point: Point): string => `sale-${points.indexOf(point)}`;
  /** How the process of each ended, and what was left of its stock then. */
  const ends = new Map<Point, { end: string; left: number | undefined }>();

  beforeAll(async () => {
    world = await freshStore(kind);
    tables = await userTables(world);
    tasks = mkdtempSync(join(tmpdir(), 'committing-'));
    const code = `import { writeFileSync, existsSync } from 'node:fs';
import { defineTask, z } from 'pawl/tasks';
export const sell = defineTask({
  name: 'sell',
  input: z.object({ sku: z.string() }),
  output: z.object({ sold: z.number() }),
  effects: 'commit',
  run: async ({ input: { sku }, step, commit }) => {
    commit({ kind: 'update', table: '${tables.stock}', key: { sku }, add: { left: -1 }, where: { left: { atLeast: 1 } } });
    commit({ kind: 'insert', table: '${tables.payments}', key: { id: step.instanceId + '-' + step.seq }, set: { sku } });
    const began = ${JSON.stringify(tasks)} + '/began-' + sku;
    // The first one is held until it is killed.
    if (sku === 'by its parent' && !existsSync(began)) {
      writeFileSync(began, '');
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    }
    return { sold: 1 };
  },
});
`;
    writeFileSync(join(tasks, 'sell.ts'), code);
    engine = createEngine(
      portsOn(world.again().store, {
        authoring: authoringWith(await read()),
        execute: createExecute({ tasks: read }),
        deployment: { name: 'test', epoch: 0, takeoverGraceMs: 1_000 },
      }),
    );
    const source = `---\nrunbook: selling\nparams: { sku: { type: string } }\n---\n\n\`\`\`task { name=sell task=sell timeout=8s }\nsku: "{{ params.sku }}"\n\`\`\`\n`;
    await engine.publish(source, by);
    // One after the other, and all before the first test: their deadlines pass together.
    for (const point of points) {
      await tables.put(point, 5);
      await engine.start({ runbookId: 'selling', instanceId: instanceOf(point), params: { sku: point }, by });
      const end = await run(point, instanceOf(point));
      ends.set(point, { end, left: await tables.left(point) });
    }
  });
  afterAll(async () => {
    await tables.drop();
    await world.drop();
    rmSync(tasks, { recursive: true, force: true });
  });

  test.each(points)('killed %s, it happens once, and the journal says so', async (point) => {
    const instanceId = instanceOf(point);
    const landed = point === 'after the commit' || point === 'never';
    expect(ends.get(point)).toEqual({ end: point === 'never' ? 'completed' : 'SIGKILL', left: landed ? 4 : 5 });
    let result = 'in_flight';
    for (let times = 0; result === 'in_flight' && times < 60; times += 1) {
      ({ result } = await engine.run(instanceId, request));
      if (result === 'in_flight') await wait(500);
    }
    expect(result).toBe('completed');
    const entries = (await world.store.journal.page(instanceId, -1, 100)).map(({ entry }) => entry);
    const outcomes = entries.flatMap((entry) => (entry.kind === 'outcome' ? [entry] : []));
    expect(outcomes.map(({ status }) => status)).toEqual(landed ? ['completed'] : ['failed', 'completed']);
    for (const { closes, status } of outcomes)
      expect(await tables.paid(`${instanceId}-${closes}`)).toBe(status === 'completed' ? point : undefined);
    expect(await tables.left(point)).toBe(4);
  });
});
