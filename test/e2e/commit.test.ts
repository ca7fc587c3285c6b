/**
 * A task that commits: its effect and its record are one. Whoever dies, at whatever request to the store, before or after it; whichever
 * answer is lost; whoever else is at it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authoringWith } from '../../src/authoring/index.ts';
import {
  type CellInput,
  type CellResult,
  type Clock,
  createEngine,
  type Engine,
  limits,
  type Ports,
  type Unrecorded,
} from '../../src/engine/index.ts';
import { createStore, type Operation, type StoreClient } from '../../src/store/index.ts';
import { portsOn } from '../support/engine.ts';
import { someTasks } from '../support/tasks.ts';
import { type UserTables, userTables } from '../support/userTables.ts';
import { type FreshStore, freshStore, storeKinds } from '../support/world.ts';

const by = { actor: 'ada', via: 'test', where: 'here:1' };
const taking = { name: 'take', file: 'tasks/take.ts', input: {}, output: {}, effects: 'commit' as const };
const authoring = authoringWith(someTasks(taking));
const sourceOf = (runbook: string, attributes = ''): string =>
  `---\nrunbook: ${runbook}\nparams: { sku: { type: string } }\n---\n\n\`\`\`task { name=sell task=take timeout=2s ${attributes} }\nsku: "{{ params.sku }}"\n\`\`\`\n\n\`\`\`assert { name=after }\nhas(outputs.sell.sold)\n\`\`\`\n`;
const request = { budgetMs: 600_000, by };

describe.each(await storeKinds())('on %s', (kind) => {
  let world: FreshStore;
  let tables: UserTables;
  let nowMs = 1_795_492_800_000;
  let count = 0;
  const clock: Clock = {
    nowMs: () => nowMs,
    behindMs: () => 0,
    heldMs: () => 0,
    sleep: async (ms) => {
      nowMs += ms;
    },
    // Nothing here takes longer than it may.
    alarm: (_ms, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
  };
  beforeAll(async () => {
    world = await freshStore(kind);
    tables = await userTables(world);
  });
  afterAll(async () => {
    await tables.drop();
    await world.drop();
  });

  /** Takes one thing, and notes under the key of the visit who did. */
  const body = async ({ body: task, step }: CellInput): Promise<CellResult> => {
    const { sku } = JSON.parse((task as { input: string }).input);
    const take = {
      kind: 'update',
      table: tables.stock,
      key: { sku },
      add: { left: -1 },
      where: { left: { atLeast: 1 } },
    };
    const note = {
      kind: 'insert',
      table: tables.payments,
      key: { id: `${step.instanceId}-${step.seq}` },
      set: { sku },
    };
    return { status: 'completed', output: '{"sold":1}', commit: [take, note] as NonNullable<CellResult['commit']> };
  };
  const engineOn = (client: StoreClient, over: Partial<Ports> = {}): Engine =>
    createEngine({
      ...portsOn(createStore(client, { ...world.options, clock }), {
        authoring,
        execute: body,
        deployment: { name: 'test', epoch: 0, takeoverGraceMs: 1_000 },
        ...over,
      }),
      clock,
    });
  const healthy = (): Engine => engineOn(world.again().client);
  const begin = async (left = 5, attributes = ''): Promise<{ id: string; sku: string }> => {
    count += 1;
    const sku = `sku-${count}`;
    const runbookId = `sell-${kind}-${attributes.replace(/\W/g, '')}`;
    await tables.put(sku, left);
    const engine = healthy();
    await engine.publish(sourceOf(runbookId, attributes), by);
    const id = `${runbookId}-${count}`;
    await engine.start({ runbookId, instanceId: id, params: { sku }, by });
    return { id, sku };
  };
  const outcomesOf = async (id: string) => {
    const entries = (await world.store.journal.page(id, -1, 100)).map(({ entry }) => entry);
    return entries.flatMap((entry) => (entry.kind === 'outcome' && entry.cell === 'sell' ? [entry] : []));
  };
  /** Effect and record, held against one another: `undefined`, they agree. */
  const judge = async ({ id, sku }: { id: string; sku: string }, left = 5) => {
    const outcomes = await outcomesOf(id);
    const completed = outcomes.filter(({ status }) => status === 'completed');
    const taken = left - ((await tables.left(sku)) ?? Number.NaN);
    expect(taken, `${id}: taken, and recorded as completed`).toBe(completed.length);
    for (const { closes, status } of outcomes)
      expect(await tables.paid(`${id}-${closes}`), `${id} seq ${closes} ${status}`).toBe(
        status === 'completed' ? sku : undefined,
      );
    return { statuses: outcomes.map(({ status }) => status), errors: outcomes.map(({ error }) => error?.code ?? null) };
  };
  /** Others come later, until nothing is left to do. */
  const heal = async (id: string): Promise<string> => {
    for (let times = 0; times < 12; times += 1) {
      nowMs += 10 * 60_000;
      const { result } = await healthy().run(id, request);
      if (result === 'completed' || result === 'halted') return result;
    }
    return 'never at rest';
  };

  /** A process that dies at its `at`-th request, before it is sent or once the store has done it. */
  const dying = (at: number, when: 'before' | 'after') => {
    let sent = 0;
    let die: (value: string) => void = () => {};
    const died = new Promise<string>((resolve) => {
      die = resolve;
    });
    const forever = new Promise<never>(() => {});
    const { client } = world.again();
    const send = async (operation: Operation): Promise<unknown> => {
      sent += 1;
      const mine = sent;
      if (mine > at) return await forever;
      if (mine === at && when === 'before') {
        die(operation.kind);
        return await forever;
      }
      const answer = await client.send(operation);
      if (mine < at) return answer;
      die(operation.kind);
      return await forever;
    };
    return { client: { send } as StoreClient, died };
  };

  test('whoever dies at any request, before it or after it, effect and record agree, and it happens once', async () => {
    const seen = new Set<string>();
    for (let at = 1; ; at += 1) {
      let ended = 0;
      for (const when of ['before', 'after'] as const) {
        const run = await begin();
        const { client, died } = dying(at, when);
        const over = await Promise.race([
          engineOn(client)
            .run(run.id, request)
            .then(() => 'done'),
          died,
        ]);
        if (over === 'done') ended += 1;
        else seen.add(`${when} ${over}`);
        await judge(run);
        expect(await heal(run.id), `${when} request ${at}`).toBe('completed');
        const { statuses } = await judge(run);
        expect(statuses.filter((status) => status === 'completed')).toHaveLength(1);
        expect(await tables.left(run.sku)).toBe(4);
      }
      if (ended === 2) break;
    }
    expect(seen).toContain('before commit');
    expect(seen).toContain('after commit');
  });

  test('a holder that died leaves no doubt: its step is closed as failed, and it is tried again by itself', async () => {
    const run = await begin();
    const engine = engineOn(world.again().client, { execute: () => new Promise(() => {}) });
    void engine.run(run.id, request);
    await expect.poll(async () => (await world.store.journal.head(run.id))?.entry.kind).toBe('reserved');
    expect(await heal(run.id)).toBe('completed');
    expect(await judge(run)).toEqual({ statuses: ['failed', 'completed'], errors: ['commit.closed', null] });
    const [closed] = await outcomesOf(run.id);
    expect(closed).toMatchObject({
      closedBy: 'policy',
      permission: {
        kind: 'interrupted',
        detail: 'interrupted=retry (effects=commit: nothing of it lands once the step is closed), attempt 1 of 3',
      },
    });
  });

  test('with interrupted=hold it is known not to have happened, and a person permits another attempt', async () => {
    const run = await begin(5, 'interrupted=hold');
    const engine = engineOn(world.again().client, { execute: () => new Promise(() => {}) });
    void engine.run(run.id, request);
    await expect.poll(async () => (await world.store.journal.head(run.id))?.entry.kind).toBe('reserved');
    expect(await heal(run.id)).toBe('halted');
    expect((await world.store.journal.head(run.id))?.entry.state.halted).toMatchObject({ doubt: false });
    expect(await judge(run)).toEqual({ statuses: ['failed'], errors: ['commit.closed'] });
  });

  test('a commit that was held up and comes after its step was closed does not land', async () => {
    const run = await begin();
    const { client } = world.again();
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let isHeld = false;
    const slow = {
      send: async (operation: Operation) => {
        if (operation.kind === 'commit') {
          isHeld = true;
          await held;
        }
        return await client.send(operation);
      },
    } as StoreClient;
    const late = engineOn(slow).run(run.id, request);
    await expect.poll(() => isHeld).toBe(true);
    expect(await heal(run.id)).toBe('completed');
    expect(await tables.left(run.sku)).toBe(4);
    release();
    await late;
    expect(await judge(run)).toMatchObject({ statuses: ['failed', 'completed'] });
    expect(await tables.left(run.sku)).toBe(4);
    const notes = await world.store.journal.notes(run.id);
    expect(notes.map(({ kind: of }) => of)).toEqual(['fenced']);
    expect(notes[0]?.text).toContain('commit.untaken');
  });

  test('answers that are lost, of a commit that landed and of one that did not, are found', async () => {
    for (const lands of [true, false]) {
      const run = await begin();
      const { client } = world.again();
      let lost = 0;
      const lossy = {
        send: async (operation: Operation) => {
          if (operation.kind !== 'commit' || lost >= 2) return await client.send(operation);
          lost += 1;
          if (lands) await client.send(operation);
          throw Object.assign(new Error('lost'), { name: 'TimeoutError' });
        },
      } as StoreClient;
      expect(await engineOn(lossy).run(run.id, request)).toMatchObject({ result: 'completed' });
      expect(await judge(run)).toEqual({ statuses: ['completed'], errors: [null] });
    }
  });

  test('several callers at once, at the start and after one died: it happens once', async () => {
    for (const first of ['all', 'after a death']) {
      const run = await begin();
      if (first === 'after a death') {
        const { client, died } = dying(9, 'before');
        await Promise.race([engineOn(client).run(run.id, request), died]);
        nowMs += 10 * 60_000;
      }
      await Promise.all(
        [1, 2, 3, 4].map(() =>
          healthy()
            .run(run.id, request)
            .catch(() => undefined),
        ),
      );
      expect(await heal(run.id)).toBe('completed');
      const { statuses } = await judge(run);
      expect(statuses.filter((status) => status === 'completed')).toHaveLength(1);
    }
  });

  test('a cancellation that takes the slot leaves it the next one: it lands there, once', async () => {
    const run = await begin();
    const { client } = world.again();
    let isCancelled = false;
    const meddled = {
      send: async (operation: Operation) => {
        if (operation.kind === 'commit' && !isCancelled) {
          isCancelled = true;
          await healthy().cancel(run.id, 'no more', by);
        }
        return await client.send(operation);
      },
    } as StoreClient;
    expect(await engineOn(meddled).run(run.id, request)).toMatchObject({ result: 'cancelled' });
    expect(await judge(run)).toEqual({ statuses: ['completed'], errors: [null] });
  });

  test('a write that is not taken fails the step, and names its table; nothing of it stands', async () => {
    const run = await begin(0);
    expect(await healthy().run(run.id, request)).toMatchObject({ result: 'halted' });
    expect(await judge(run, 0)).toEqual({ statuses: ['failed'], errors: ['commit.refused'] });
    const [outcome] = await outcomesOf(run.id);
    expect(outcome?.error?.message).toContain(`Write 1, of ${tables.stock}, was not taken`);
    expect(outcome?.output).toBeNull();
  });

  test('a store that takes entries and no commit: it did not happen, costs no attempt, and is tried again', async () => {
    const run = await begin();
    const { client } = world.again();
    let refusals = 0;
    const busy = {
      send: async (operation: Operation) => {
        if (operation.kind !== 'commit' || refusals >= limits.commitTriesMax) return await client.send(operation);
        refusals += 1;
        throw Object.assign(new Error('[None, TransactionConflict]'), { name: 'TransactionCanceledException' });
      },
    } as StoreClient;
    expect(await engineOn(busy).run(run.id, request)).toMatchObject({ result: 'completed' });
    expect(await judge(run)).toEqual({ statuses: ['never', 'completed'], errors: ['commit.untaken', null] });
    expect((await outcomesOf(run.id)).map(({ attempt }) => attempt)).toEqual([1, 1]);
  });

  test('a commit that landed without an answer is not called undone by what was to say so', async () => {
    const run = await begin();
    const { client } = world.again();
    let isBlind = true;
    const blind = {
      send: async (operation: Operation) => {
        if (operation.kind === 'putIf' || operation.kind === 'insert') isBlind &&= operation.table !== 'journal';
        if (operation.kind !== 'commit') {
          // Until it gives the commit up it does not see the slot either.
          if (operation.kind === 'get' && operation.table === 'journal' && isBlind) throw new Error('no answer');
          return await client.send(operation);
        }
        isBlind = true;
        await client.send(operation);
        throw Object.assign(new Error('lost'), { name: 'TimeoutError' });
      },
    } as StoreClient;
    const answer = await engineOn(blind).run(run.id, request);
    expect(answer.steps.map(({ status }) => status)).toEqual(['completed', 'completed']);
    expect(await judge(run)).toEqual({ statuses: ['completed'], errors: [null] });
  });

  test('what could not be recorded is set aside as what did not happen', async () => {
    const run = await begin();
    const { client } = world.again();
    let isAway = false;
    const away = {
      send: async (operation: Operation) => {
        if (operation.kind === 'commit') isAway = true;
        if (isAway) throw Object.assign(new Error('away'), { name: 'TimeoutError' });
        return await client.send(operation);
      },
    } as StoreClient;
    const aside: Unrecorded[] = [];
    const engine = engineOn(away, { setAside: async (item) => void aside.push(item) });
    await expect(engine.run(run.id, request)).rejects.toMatchObject({ code: 'outcome.unrecorded' });
    expect(aside.map(({ outcome }) => outcome.status)).toEqual(['never']);
    expect(await tables.left(run.sku)).toBe(5);
    for (const item of aside) await healthy().redrive(item, by);
    expect(await judge(run)).toEqual({ statuses: ['never'], errors: ['commit.untaken'] });
    expect(await heal(run.id)).toBe('completed');
    expect(await judge(run)).toMatchObject({ statuses: ['never', 'completed'] });
  });
});
