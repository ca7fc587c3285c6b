import { describe, expect, test } from 'vitest';
import { createClock } from '../../src/store/index.ts';
import { freshStore, serviceKinds } from '../support/world.ts';

/** 1 795 492 800 000: Tue, 24 Nov 2026 04:00:00 GMT. */
const fourMs = 1_795_492_800_000;
const at = (seconds: number): string => `Tue, 24 Nov 2026 04:00:${String(seconds).padStart(2, '0')} GMT`;

const kinds = await serviceKinds();

describe('the clock', () => {
  const fake = () => {
    let monotonicMs = 5_000;
    let wallMs = 77_000;
    const clock = createClock(
      () => monotonicMs,
      () => wallMs,
    );
    const pass = (ms: number): void => {
      monotonicMs += ms;
      wallMs += ms;
    };
    /** The monotonic clock stands still meanwhile. */
    const suspend = (ms: number): void => {
      wallMs += ms;
    };
    /** An answer that came at once. */
    const answer = (date: string): void => {
      clock.learn({ sentMs: monotonicMs, sentWallMs: wallMs, receivedMs: monotonicMs, date });
    };
    /** One that took its time, while the wall clock was as far ahead as at first. */
    const learn = (sentMs: number, receivedMs: number, date: string): void =>
      clock.learn({ sentMs, sentWallMs: sentMs + 72_000, receivedMs, date });
    return { clock, pass, suspend, answer, learn };
  };

  test('does not know the time before the store has answered', () => {
    const { clock, learn } = fake();
    expect(() => clock.nowMs()).toThrow('ask the store something first');
    learn(1, 2, 'yesterday');
    expect(() => clock.nowMs()).toThrow();
  });

  test('is right within half a second after one immediate answer, and goes on by the monotonic clock', () => {
    const { clock, pass, learn } = fake();
    learn(5_000, 5_000, at(0));
    expect(clock.nowMs()).toBe(fourMs + 500);
    pass(30_000);
    expect(clock.nowMs()).toBe(fourMs + 30_500);
  });

  test('converges when dates turn over between two answers', () => {
    const { clock, pass, learn } = fake();
    // True time is 04:00:00.980 at 5 000, and 04:00:01.010 at 5 030.
    learn(4_990, 5_000, at(0));
    learn(5_030, 5_040, at(1));
    pass(40);
    // Between 04:00:00.980 − 20 and + 10 of the true 04:00:01.020.
    expect(clock.nowMs()).toBe(fourMs + 1_025);
  });

  test('a slow answer widens nothing', () => {
    const { clock, learn } = fake();
    learn(5_000, 5_000, at(0));
    learn(1_000, 9_000, at(2));
    expect(clock.nowMs()).toBe(fourMs + 500);
  });

  test('starts anew when two answers contradict it and agree, and never goes back', () => {
    const { clock, pass, answer } = fake();
    answer(at(10));
    expect(clock.nowMs()).toBe(fourMs + 10_500);
    answer(at(7));
    answer(at(7));
    expect(clock.nowMs()).toBe(fourMs + 10_500);
    pass(4_000);
    expect(clock.nowMs()).toBe(fourMs + 11_500);
    answer(at(50));
    expect(clock.nowMs()).toBe(fourMs + 11_500);
    answer(at(50));
    expect(clock.nowMs()).toBe(fourMs + 50_500);
  });

  test.each([
    ['an hour ahead', 'Tue, 24 Nov 2026 05:00:10 GMT'],
    ['an hour behind', 'Tue, 24 Nov 2026 03:00:10 GMT'],
  ])('one wrong date, %s, changes nothing, however often one comes by itself', (_, wrong) => {
    const { clock, pass, answer } = fake();
    answer(at(10));
    for (const second of [11, 12, 13]) {
      answer(wrong);
      expect(clock.nowMs()).toBe(fourMs + second * 1_000 - 500);
      pass(1_000);
      answer(at(second));
      expect(clock.nowMs()).toBe(fourMs + second * 1_000 + 500);
    }
    // Two wrong ones that do not agree are no better.
    answer(wrong);
    answer(at(59));
    expect(clock.nowMs()).toBe(fourMs + 13_500);
  });

  test('one that contradicts is not believed by an answer that agrees with what is known', () => {
    const { clock, answer } = fake();
    answer(at(10));
    answer(at(50));
    answer(at(10));
    answer(at(50));
    expect(clock.nowMs()).toBe(fourMs + 10_500);
  });

  test('says how long the machine slept since an answer was last believed', () => {
    const { clock, pass, suspend, answer } = fake();
    answer(at(0));
    pass(5_000);
    expect(clock.behindMs()).toBe(0);
    suspend(30_000);
    expect([clock.nowMs(), clock.behindMs()]).toEqual([fourMs + 5_500, 30_000]);
    // The first answer after it contradicts: until another agrees, it is behind.
    answer(at(35));
    expect([clock.nowMs(), clock.behindMs()]).toEqual([fourMs + 5_500, 30_000]);
    answer(at(35));
    expect([clock.nowMs(), clock.behindMs()]).toEqual([fourMs + 35_500, 0]);
    // A wall clock that is set back says nothing.
    suspend(-3_600_000);
    expect(clock.behindMs()).toBe(0);
  });

  test('a sleep is not hidden by the answer that was under way meanwhile', () => {
    const { clock, suspend, answer, learn } = fake();
    answer(at(0));
    suspend(30_000);
    // Dated before the sleep, and received after it: by the monotonic clock at once.
    learn(5_000, 5_000, at(0));
    expect([clock.nowMs(), clock.behindMs()]).toEqual([fourMs + 500, 30_000]);
  });

  test('sleep ends by itself or with the signal, and never rejects', async () => {
    const { clock } = fake();
    await clock.sleep(1);
    await clock.sleep(-1);
    const aborted = new AbortController();
    const asleep = clock.sleep(60_000, aborted.signal);
    aborted.abort();
    await asleep;
    await clock.sleep(60_000, aborted.signal);
  });

  test.each(kinds)('learns from the answers of %s, refusals included', async (which) => {
    const { store } = await freshStore(which);
    await store.journal.head('nobody');
    expect(Math.abs(store.clock.nowMs() - Date.now())).toBeLessThan(1_100);
  });
});
