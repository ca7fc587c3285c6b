import { describe, expect, test } from 'vitest';
import {
  apply,
  createEngine,
  type Entry,
  type Standing,
  type State,
  statusOf,
  viewOf,
} from '../../src/engine/index.ts';
import fc from '../support/properties.ts';
import { pass, runbookOf } from './runbooks.ts';
import { alice, bob, setup } from './world.ts';

const cell = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      retryMax: fc.integer({ min: 0, max: 3 }),
      optional: fc.boolean(),
      timeoutMs: fc.constantFrom(2_000, 8_000),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ body: { kind: 'manual' as const, instructions: ['Look.'] } }) },
  { weight: 1, arbitrary: fc.constant({ body: { kind: 'assert' as const, expressions: [pass] } }) },
  { weight: 1, arbitrary: fc.constantFrom('true', 'false').map((source) => ({ when: { source, line: 1 } })) },
);
const act = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('advance' as const), maxCells: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'run' as const }) },
  { weight: 2, arbitrary: fc.constant({ do: 'done' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'cancel' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('sleep' as const), ms: fc.integer({ min: 1, max: 400_000 }) }) },
);
const results = fc.array(fc.constantFrom('completed', 'completed', 'completed', 'failed', 'unknown', 'never'), {
  minLength: 1,
  maxLength: 40,
});

/** Does anything a caller may do, in any order; refusals are part of it. */
const history = async (cells: object[], acts: { do: string; maxCells?: number; ms?: number }[], ends: string[]) => {
  const world = setup();
  let ran = 0;
  world.behave = () => {
    world.now += 137;
    return { status: ends[ran++ % ends.length] as 'completed', output: `{"n":${ran}}` };
  };
  const id = await world.start(runbookOf(cells));
  for (const one of acts) {
    const request = { budgetMs: 60_000, by: alice };
    const refused = (error: { code?: string }) => expect(error.code).toBeDefined();
    if (one.do === 'advance')
      await world.engine.advance(id, { ...request, maxCells: one.maxCells ?? 1 }).catch(refused);
    if (one.do === 'run') await world.engine.run(id, request).catch(refused);
    if (one.do === 'cancel') await world.engine.cancel(id, 'enough', bob).catch(refused);
    if (one.do === 'sleep') world.now += one.ms ?? 0;
    if (one.do === 'done') {
      const open = (await world.ports.journal.head(id))?.entry.state.open;
      await world.engine.done(id, open?.cell ?? 'c0', { result: 'done', note: 'seen', by: bob }).catch(refused);
    }
  }
  return { world, id, entries: await world.entries(id) };
};

describe('whatever is done to an instance, in whatever order', () => {
  test('folding the whole journal gives the state of every entry (I1)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(cell, { minLength: 1, maxLength: 6 }),
        fc.array(act, { maxLength: 15 }),
        results,
        async (cells, acts, ends) => {
          const { entries } = await history(cells, acts, ends);
          let state: State | null = null;
          for (const entry of entries) {
            state = apply(state, entry);
            expect(entry.state).toEqual(state);
          }
          expect(entries.map((entry) => entry.seq)).toEqual(entries.map((_, index) => index));
        },
      ),
      { numRuns: 150 },
    );
  });

  test('a view is a function of the journal: rebuilding it changes nothing, deleting it changes no answer (I8)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(cell, { minLength: 1, maxLength: 6 }),
        fc.array(act, { maxLength: 12 }),
        results,
        async (cells, acts, ends) => {
          const { world, id, entries } = await history(cells, acts, ends);
          const version = await world.ports.versions.get('demo', 1);
          const standing = (await world.ports.journal.head(id)) as Standing;
          const head = standing.entry;
          const stored = await world.ports.views.get(id);
          // The status of an open step changes with time alone, so it is rebuilt for the moment of the save; what is in
          // doubt is due again some time after it was last looked at.
          const rebuilt = viewOf(entries[0] as Extract<Entry, { kind: 'started' }>, standing, version?.runbook, {
            nowMs: head.atMs,
            graceMs: 15_000,
            epoch: 0,
            home: 'local',
            nextAt: null,
          });
          const due = rebuilt.status === 'in_doubt' ? { dueAtMs: expect.any(Number) } : {};
          expect({ ...stored, status: statusOf(head.state, head.atMs, 15_000) }).toEqual({ ...rebuilt, ...due });

          const blind = createEngine({
            ...world.ports,
            views: {
              ...world.ports.views,
              get: async () => undefined,
              save: async () => {},
            },
            marks: { ...world.ports.marks, arm: async () => ({ arms: 0, othersUntilMs: null, seen: null }) },
          });
          const before = await world.engine.inspect(id, alice);
          expect(await blind.inspect(id, alice)).toEqual(before);
        },
      ),
      { numRuns: 100 },
    );
  });

  test('every unfinished instance is due at some time or waits for a person (I7)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(cell, { minLength: 1, maxLength: 5 }),
        fc.array(act, { maxLength: 12 }),
        results,
        async (cells, acts, ends) => {
          const { world, id } = await history(cells, acts, ends);
          const view = await world.ports.views.get(id);
          const person = view?.drive === 'manual' || ['waiting', 'halted', 'in_doubt'].includes(view?.status ?? '');
          const ended = view?.status === 'completed' || view?.status === 'cancelled';
          if (ended) expect(view?.dueAtMs).toBeNull();
          else if (!person) expect(view?.dueAtMs).toBeTypeOf('number');
        },
      ),
      { numRuns: 100 },
    );
  });

  test('times in entries are milliseconds: seconds and durations are refused by the schema (scenario 6)', async () => {
    const { entrySchema } = await import('../../src/engine/index.ts');
    const { entries } = await history([{}], [{ do: 'advance' }], ['completed']);
    const reserved = entries[1] as Extract<Entry, { kind: 'reserved' }>;
    expect(entrySchema().safeParse(reserved).success).toBe(true);
    fc.assert(
      fc.property(
        fc.constantFrom('atMs', 'deadlineAtMs'),
        fc.constantFrom(Math.floor(reserved.atMs / 1_000), 15_000, 0, Number.NaN, reserved.atMs * 1_000),
        (field, value) => {
          expect(entrySchema().safeParse({ ...reserved, [field]: value }).success).toBe(false);
        },
      ),
    );
    const { deadlineAtMs: _, ...endless } = reserved;
    expect(entrySchema().safeParse(endless).success).toBe(false);
  });
});
