/** When: as a caller writes it, and what is none. */
import { expect, test } from 'vitest';
import { momentOf } from '../../src/contract/index.ts';

const nowMs = 1_764_300_000_000;

test.each([
  ['90s', nowMs - 90_000],
  ['5m', nowMs - 300_000],
  ['2h', nowMs - 7_200_000],
  ['3d', nowMs - 259_200_000],
  ['1w', nowMs - 604_800_000],
  ['9999999w', 0],
  ['2025-11-28T03:20Z', 1_764_300_000_000],
  ['2025-11-28T04:20:00+01:00', 1_764_300_000_000],
  ['2025-11-27T22:20:00.500-05:00', 1_764_300_000_500],
  ['2024-02-29T00:00Z', 1_709_164_800_000],
])('%s is a moment', (text, atMs) => {
  expect(momentOf(text, nowMs)).toBe(atMs);
});

test.each([
  '',
  '2',
  'h',
  '-2h',
  '2 h',
  '1.5h',
  'yesterday',
  '2025-11-28',
  '2025-11-28T03:20',
  '2025-11-28 03:20Z',
  '2025-02-30T00:00Z',
  '2025-11-28T25:00Z',
  '20251128T0320Z',
  '1764300000000',
])('%j is none: what has no zone is no time', (text) => {
  expect(momentOf(text, nowMs)).toBeUndefined();
});
