import { describe, expect, test } from 'vitest';
import { meaningOf } from '../../src/cells/statuses.ts';

/** By hand, not from the code: every status that proves that a request did not happen. */
const refused = new Set([
  307, 308, 400, 401, 403, 404, 405, 406, 410, 411, 413, 414, 415, 417, 421, 422, 426, 428, 429, 431, 451, 501, 505,
]);
const all = Array.from({ length: 500 }, (_, index) => 100 + index);

describe('what a status says, from 100 to 599', () => {
  test.each(['POST', 'PUT', 'PATCH', 'DELETE'])(
    '%s: 2xx completed, a closed list failed, all others unknown',
    (method) => {
      const expected = all.map((status) => [
        status,
        status >= 200 && status <= 299 ? 'completed' : refused.has(status) ? 'failed' : 'unknown',
      ]);
      expect(all.map((status) => [status, meaningOf(status, { method })])).toEqual(expected);
      expect(expected.filter(([, meaning]) => meaning === 'failed')).toHaveLength(23);
    },
  );
  test.each(['GET', 'HEAD', 'OPTIONS'])('%s asks for no effect: whatever is not 2xx failed', (method) => {
    const expected = all.map((status) => [status, status >= 200 && status <= 299 ? 'completed' : 'failed']);
    expect(all.map((status) => [status, meaningOf(status, { method })])).toEqual(expected);
  });
  test.each([302, 303, 408, 409, 412, 425, 499, 500, 502, 503, 504, 599])('POST %i leaves it open', (status) => {
    expect(meaningOf(status, { method: 'POST' })).toBe('unknown');
  });
  test('the author who knows better says so, of any method and any status', () => {
    const known = { failedOn: [500, 503], unknownOn: [404, 202] };
    const of = (method: string) =>
      [500, 503, 404, 202, 502, 200].map((status) => meaningOf(status, { method, ...known }));
    expect(of('POST')).toEqual(['failed', 'failed', 'unknown', 'unknown', 'unknown', 'completed']);
    expect(of('GET')).toEqual(['failed', 'failed', 'unknown', 'unknown', 'failed', 'completed']);
  });
});
