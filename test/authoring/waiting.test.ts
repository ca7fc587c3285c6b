/** Cells that wait, as they are written: what they become, what is refused and where, and when a time comes. */
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import type { Cell, RenderedBody, Runbook } from '../../src/engine/index.ts';

/** A first fence stands in line 6. */
const front =
  '---\nrunbook: demo\nparams: { pr: { type: string, default: x },\n  q: { type: integer, default: 1 }, time: { type: string, default: 1h } }\n---\n';
const fence = (info: string, body: string): string => `\`\`\`${info}\n${body}${body === '' ? '' : '\n'}\`\`\`\n`;
const compiled = (...fences: string[]): Runbook => {
  const result = authoring.compile(front + fences.join(''));
  if (result.kind === 'problems') throw new Error(JSON.stringify(result.problems));
  return result.runbook;
};
const cellOf = (...fences: string[]): Cell => compiled(...fences).cells[0] as Cell;
const problems = (...fences: string[]): string[] => {
  const result = authoring.compile(front + fences.join(''));
  return result.kind === 'runbook' ? [] : result.problems.map((one) => `${one.line}:${one.column} ${one.message}`);
};
const scope = { params: { pr: '42' }, outputs: {}, step: {} };
const rendered = (cell: Cell, params: Record<string, unknown> = scope.params): unknown => {
  const result = authoring.renderBody(cell.body, { ...scope, params });
  return result.kind === 'body' ? result.body : result.message;
};

describe('terms that parameters say', () => {
  const terms = cellOf(
    fence('approve { name=go approvers="{{ params.pr }}" quorum="{{ params.q }}" expires="{{ params.time }}" }', 'Go?'),
  );
  const given = { pr: ['alice', 'bob', 'alice'], q: 2, time: '4h' };

  test('a list is as many people, a number a quorum, a text a time', () => {
    expect(rendered(terms, given)).toMatchObject({ approvers: ['alice', 'bob'], quorum: 2 });
    const { withinMs } = terms.body as Extract<Cell['body'], { kind: 'approve' }>;
    expect(authoring.lasts(withinMs ?? 0, { ...scope, params: given })).toEqual({ kind: 'ms', ms: 14_400_000 });
    const rest = cellOf(fence('wait { name=w for="{{ params.pr }}" }', ''));
    expect(rendered(rest, { pr: '90s' })).toMatchObject({ forMs: 90_000 });
  });

  test.each<[object, string]>([
    [{ pr: [] }, 'Nobody is asked: `approvers` and `groups` name none.'],
    [{ pr: ['alice', 7] }, '`{{ params.pr }}`, at 2 of 2: it is no text.'],
    [{ pr: ['alice', ''] }, '`{{ params.pr }}`, at 2 of 2: `` names no person'],
    [{ pr: ['alice', 'Alice'] }, '`Alice` and `alice` differ only in case'],
    [{ pr: { a: 1 } }, '`{{ params.pr }}` names nobody: it is neither a text nor a list of texts.'],
    [
      { pr: Array.from({ length: 51 }, (_, n) => `p${n}`) },
      '51 people and groups are asked; at most 50 (approversMax).',
    ],
    [{ q: 0 }, '`quorum` is a whole number from 1 to 10 (quorumMax), not `0`.'],
    [{ q: 'two' }, 'not `two`.'],
    [{ q: 1.5 }, 'not `1.5`.'],
  ])('%j is refused: %s', (params, says) => {
    expect(rendered(terms, { ...given, ...params })).toContain(says);
  });

  test.each<[unknown, string]>([
    ['soon', '`soon` is not a duration'],
    [4, '`4` is not a duration'],
    ['400d', '`400d` is too long; at most 366d'],
    ['1ms', '`1ms` is too short'],
  ])('a time of %j is refused: %s', (time, says) => {
    const rest = cellOf(fence('wait { name=w for="{{ params.pr }}" }', ''));
    expect(rendered(rest, { pr: time })).toContain(`How long it waits: ${says}`);
    expect(rendered(rest, { pr: time })).toContain('({{ params.pr }})');
  });

  test('what is written out is judged at once, and a placeholder as everywhere', () => {
    expect(problems(fence('wait { name=w for=soon }', ''))[0]).toContain('`soon` is not a duration');
    expect(problems(fence('wait { name=w for="{{ params.no }}" }', ''))[0]).toContain('6:33 ');
    expect(
      problems(fence('approve { name=go approvers="{{ params.pr }}" quorum="{{ params.no }}" }', 'Go?')),
    ).toHaveLength(1);
    expect(problems(fence('approve { name=go approvers="{{ params.pr }}" quorum=3 }', 'Go?'))).toEqual([]);
  });
});

describe('await', () => {
  test('one claim, all of several, any of several, with statuses, a condition and a time-out', () => {
    const cell = cellOf(fence('await { name=a timeout=2h }', 'claim: ci/{{ params.pr }}\nuntil: supported'));
    expect(cell.body).toMatchObject({ match: 'all', until: ['supported'], withinMs: 7_200_000, onTimeout: 'fail' });
    expect(rendered(cell)).toEqual({ kind: 'await', claims: ['ci/42'] });
    const any = cellOf(
      fence(
        'await { name=a timeout=1d onTimeout=continue optional }',
        'any: [a/b, "c/{{ params.pr }}"]\nuntil: [supported, superseded]\nif: claim.evidence.errors == 0',
      ),
    );
    expect(any).toMatchObject({ optional: true });
    expect(any.body).toMatchObject({
      match: 'any',
      until: ['supported', 'superseded'],
      condition: { source: 'claim.evidence.errors == 0', line: 9 },
      onTimeout: 'continue',
    });
    expect(rendered(any)).toEqual({ kind: 'await', claims: ['a/b', 'c/42'] });
    const claim = { id: 'a', status: 'supported', statement: null, evidence: { errors: 0 }, revision: 1 };
    const condition = (any.body.kind === 'await' && any.body.condition) || { source: '', line: 0 };
    expect(authoring.evaluate(condition, { ...scope, claim })).toEqual({ kind: 'value', value: true });
  });

  test.each([
    ['{ name=a }', '', '6:1 an `await` cell says what it waits for'],
    ['{ name=a }', 'until: supported', '7:1 an `await` cell names a claim'],
    ['{ name=a }', 'claim: x', '7:1 an `await` cell says which status it waits for'],
    [
      '{ name=a }',
      'claim: x\nuntil: suported',
      '8:8 a claim is asserted, supported, invalidated or superseded, not `suported`; did you mean `supported`?',
    ],
    ['{ name=a }', 'claim: x\nall: [y]\nuntil: supported', '8:1 `claim`, `all` and `any` exclude each other'],
    ['{ name=a }', 'claim: a//b\nuntil: supported', '7:8 `a//b` is no claim id'],
    ['{ name=a }', 'claim: lock:x\nuntil: supported', '7:8 `lock:x` is no claim id'],
    ['{ name=a }', 'claim: x\nuntill: supported', '8:1 unknown key `untill` in an `await` cell; did you mean `until`?'],
    ['{ name=a }', 'all: []\nuntil: supported', '7:6 `all` is a text or a list of texts'],
    [
      '{ name=a }',
      'claim: x\nuntil: supported\nif: claim.evidense == 1',
      '9:11 `claim` has no field `evidense`; did you mean `evidence`?',
    ],
    ['{ name=a }', 'claim: x\nuntil: supported\nif: output == 1', '9:5 `output` is known in expectations only'],
    ['{ name=a }', 'claim: {{ params.nope }}\nuntil: supported', '7:8'],
    [
      '{ name=a onTimeout=continue }',
      'claim: x\nuntil: supported',
      '6:19 `onTimeout` says what happens when the time is over; it needs `timeout=`',
    ],
    [
      '{ name=a timeout=1d onTimeout=go }',
      'claim: x\nuntil: supported',
      '6:40 `onTimeout` is fail or continue, not `go`',
    ],
    ['{ name=a timeout=400d }', 'claim: x\nuntil: supported', '6:27 `timeout`: `400d` is too long; at most 366d'],
    ['{ name=a retry=3 }', 'claim: x\nuntil: supported', '6:19 unknown attribute `retry` for `await` cells'],
    ['{ name=a }', '- x', '7:1 the body of an `await` cell is not a mapping'],
  ])('await %s with %j is refused: %s', (info, body, message) => {
    expect(problems(fence(`await ${info}`, body)).join('\n')).toContain(message);
  });

  test('a claim id that is filled in wrongly says so', () => {
    const cell = cellOf(fence('await { name=a }', 'claim: "{{ params.pr }}"\nuntil: supported'));
    expect(rendered(cell, { pr: 'a b' })).toContain('`a b` is no claim id');
    expect(rendered(cell, { pr: '' })).toContain('no claim id');
  });

  test('`claim` is known nowhere else', () => {
    expect(problems(fence('end { name=a when="claim.id == \'x\'" }', '')).join()).toContain(
      '`claim` is not known here',
    );
  });
});

describe('approve', () => {
  test('people, groups, a quorum, an expiry; what is shown ends with the last line of the cell', () => {
    const cell = cellOf(
      fence(
        'approve { name=go approvers="alice, {{ params.pr }}" groups=sre quorum=2 expires=24h default=approve onReject=continue self=true }',
        'Shall {{ params.pr }}\ngo on?',
      ),
    );
    expect(cell.body).toMatchObject({
      lines: 9,
      quorum: 2,
      self: true,
      withinMs: 86_400_000,
      onExpiry: 'approve',
      onReject: 'continue',
    });
    expect(rendered(cell)).toEqual({
      kind: 'approve',
      text: 'Shall 42\ngo on?',
      approvers: ['alice', '42'],
      quorum: 2,
      groups: ['sre'],
    });
    expect(rendered(cell, { pr: 'alice' })).toMatchObject({ approvers: ['alice'] });
    expect(rendered(cell, { pr: '' })).toContain('names no person');
    expect(rendered(cell, { pr: 'Alice' })).toBe(
      '`Alice` and `alice` differ only in case; case counts in a vote, so keep the one that the authorizer writes.',
    );
    expect(cellOf(fence('approve { name=go approvers=bob }', 'Go?')).body).toMatchObject({
      quorum: 1,
      self: false,
      withinMs: null,
      onExpiry: 'reject',
      onReject: 'halt',
    });
  });

  test.each([
    ['{ name=go }', 'Go?', '6:1 an `approve` cell names who is asked'],
    ['{ name=go approvers=bob }', '', '6:1 an `approve` cell says in its body what is asked'],
    ['{ name=go approvers="bob, bob" }', 'Go?', '6:38 `bob` stands twice in `approvers`'],
    [
      '{ name=go approvers="alice, Alice" }',
      'Go?',
      '6:40 `Alice` and `alice` in `approvers` differ only in case; case counts in a vote, so keep the one that the authorizer writes',
    ],
    ['{ name=go groups="SRE, sre" }', 'Go?', '6:35 `sre` and `SRE` in `groups` differ only in case'],
    ['{ name=go approvers="bob, al\u200bice" }', 'Go?', '6:38 `al\u200bice` names no person'],
    ['{ name=go approvers="bob, " }', 'Go?', 'a name is missing in `approvers`'],
    ['{ name=go approvers=bob quorum=2 }', 'Go?', '6:43 only 1 person is asked; a quorum of 2 cannot be reached'],
    ['{ name=go groups=sre quorum=11 }', 'Go?', 'from 1 to 10 (quorumMax), not `11`'],
    ['{ name=go groups=sre quorum=0 }', 'Go?', 'from 1 to 10 (quorumMax), not `0`'],
    [
      '{ name=go approvers=bob default=approve }',
      'Go?',
      '`default` says what happens when the time is over; it needs `expires=`',
    ],
    ['{ name=go approvers=bob optional }', 'Go?', 'an approval is not optional; `onReject=continue`'],
    ['{ name=go approvers=bob self=yes }', 'Go?', '`self` is true or false, not `yes`'],
    ['{ name=go approver=bob }', 'Go?', 'unknown attribute `approver` for `approve` cells; did you mean `approvers`?'],
  ])('approve %s with %j is refused: %s', (info, body, message) => {
    expect(problems(fence(`approve ${info}`, body)).join('\n')).toContain(message);
  });
});

describe('the logs that an approval shows', () => {
  const ask = (shows: string): string => fence(`approve { name=go approvers=bob shows=${shows} }`, 'Go?');
  const sh = (name: string, more = ''): string => fence(`sh { name=${name}${more} }`, 'echo it');

  test('are those of earlier cells, in the order in which they are written', () => {
    const { cells } = compiled(
      sh('plan'),
      fence('ts { name=look }', 'export default () => 1;'),
      ask('"look.log, plan.log"'),
    );
    expect(cells[2]?.body).toMatchObject({ kind: 'approve', logs: ['look', 'plan'] });
    expect(compiled(sh('plan'), fence('approve { name=go approvers=bob }', 'Go?')).cells[1]?.body).not.toHaveProperty(
      'logs',
    );
  });

  test.each<[string[], string]>([
    [
      [sh('plan'), ask('plan')],
      '9:42 `shows` names logs of earlier cells, as in `shows="plan.log, check.log"`, not `plan`',
    ],
    [[sh('plan'), ask('"plan.log, plan.log"')], '9:53 `plan.log` stands twice in `shows`; keep one'],
    [[sh('plan'), ask('plna.log')], '9:42 there is no cell `plna` whose log could be shown; did you mean `plan`?'],
    [[ask('plan.log'), sh('plan')], '6:42 cell `plan` stands later (line 9); only logs of earlier cells can be shown'],
    [[ask('go.log')], '6:42 cell `go` stands later'],
    [
      [fence('http { name=get }', 'GET https://example.com/'), ask('get.log')],
      '9:42 cell `get` (line 6) is of the kind `http` and leaves no log; `ts`, `js`, `sh` and `task` cells do',
    ],
    [
      [sh('there', ' poll=10s within=1h'), fence('cel { expect=there }', 'output.up'), ask('there.log')],
      '12:42 cell `there` (line 6) is repeated by `poll=` and has no log of its own; refer to its output',
    ],
    [
      [sh('a'), sh('b'), sh('c'), sh('d'), ask('"a.log,b.log,c.log,d.log"')],
      '18:43 an `approve` cell shows at most 3 logs (shownLogsMax)',
    ],
    [
      ['## All { name=all each="[1, 2]" as=one }\n', sh('plan'), '## After\n', ask('plan.log')],
      '11:42 cell `plan` is gone through for every element of section `all`, with a log each time: an approval outside of it cannot show one; ask in there',
    ],
    [
      [sh('plan'), fence('sh { undo=plan }', 'echo back'), ask('undo_plan.log')],
      '12:42 cell `undo_plan` (line 9) runs at the end',
    ],
  ])('%j is refused: %s', (fences, message) => {
    expect(problems(...fences).join('\n')).toContain(message);
  });

  test('a section with each may ask about the logs in it, and about those before it', () => {
    const { cells } = compiled(
      sh('plan'),
      '## All { name=all each="[1, 2]" as=one }\n',
      sh('check'),
      ask('"plan.log, check.log"'),
    );
    expect(cells[1]?.body).toMatchObject({ cells: [{ name: 'check' }, { body: { logs: ['plan', 'check'] } }] });
  });
});

describe('wait', () => {
  test('for a while, until a time, by a pattern', () => {
    expect(cellOf(fence('wait { name=w for=10m }', '')).body).toMatchObject({
      forMs: 600_000,
      until: null,
      cron: null,
    });
    const until = cellOf(fence('wait { name=w until="{{ params.pr }}" }', ''));
    expect(rendered(until, { pr: '2026-12-24T08:00:00Z' })).toMatchObject({ until: '2026-12-24T08:00:00Z' });
    expect(rendered(until, { pr: 'tomorrow' })).toContain('`tomorrow` is not a time with a zone');
    expect(cellOf(fence('wait { name=w cron="0 9 * * 1-5" tz=Europe/Berlin }', '')).body).toMatchObject({
      cron: '0 9 * * 1-5',
      tz: 'Europe/Berlin',
    });
  });

  test.each([
    ['{ name=w }', '', '6:1 a `wait` cell says how long'],
    ['{ name=w for=10m cron="* * * * *" }', '', '`for` and `cron` exclude each other'],
    ['{ name=w for=10m tz=UTC }', '', '`tz` is the time zone of `cron=`'],
    ['{ name=w cron="* * * * *" tz=Europe/Berln }', '', 'there is no time zone `Europe/Berln`'],
    ['{ name=w cron="61 * * * *" }', '', '6:24 `61 * * * *` is not a pattern of five fields'],
    ['{ name=w cron="* * * * * *" }', '', 'is not a pattern of five fields'],
    ['{ name=w cron=2027-01-01T00:00:00 }', '', 'is not a pattern of five fields'],
    ['{ name=w cron=@yearly }', '', 'is not a pattern of five fields'],
    [
      '{ name=w cron="0 0 30 2 *" }',
      '',
      '6:24 `0 0 30 2 *` never comes: no month it names has such a day; give another day or month',
    ],
    ['{ name=w cron="0 0 31 4,6,9,11 *" tz=Europe/Berlin }', '', '6:24 `0 0 31 4,6,9,11 *` never comes'],
    ['{ name=w until=2026-12-24T08:00:00 }', '', '`2026-12-24T08:00:00` is not a time with a zone'],
    ['{ name=w until=2027-02-30T08:00:00Z }', '', '`2027-02-30T08:00:00Z` is not a time with a zone'],
    ['{ name=w for=10m }', 'because', '7:1 a `wait` cell has no body'],
    ['{ name=w for=400d }', '', 'too long; at most 366d'],
  ])('wait %s with %j is refused: %s', (info, body, message) => {
    expect(problems(fence(`wait ${info}`, body)).join('\n')).toContain(message);
  });
});

describe('the moment of a wait', () => {
  const wait = (over: object): RenderedBody & { kind: 'wait' } => ({
    kind: 'wait',
    forMs: null,
    until: null,
    cron: null,
    tz: 'UTC',
    ...over,
  });
  const next = (cron: string, tz: string, from: string): string => {
    const moment = authoring.momentOf(wait({ cron, tz }), Date.parse(from));
    return moment.kind === 'moment' ? new Date(moment.atMs).toISOString() : moment.message;
  };
  const nowMs = Date.parse('2026-11-26T08:00:00Z');

  test('after so long; at a time, which may have passed; at the next time of a pattern', () => {
    expect(authoring.momentOf(wait({ forMs: 1_000 }), nowMs)).toEqual({ kind: 'moment', atMs: nowMs + 1_000 });
    const passed = authoring.momentOf(wait({ until: '2026-11-26T08:00:00+01:00' }), nowMs);
    expect(passed).toEqual({ kind: 'moment', atMs: nowMs - 3_600_000 });
    expect(next('0 9 * * 1-5', 'Europe/Berlin', '2026-11-27T09:00:00+01:00')).toBe('2026-11-30T08:00:00.000Z');
    expect(next('0 9 * * 1-5', 'Europe/Berlin', '2026-11-27T08:59:59+01:00')).toBe('2026-11-27T08:00:00.000Z');
  });

  test('too far ahead, or never, is an error that says so', () => {
    expect(authoring.momentOf(wait({ until: '2030-01-01T00:00:00Z' }), nowMs)).toMatchObject({
      kind: 'error',
      message: '`2030-01-01T00:00:00Z` does not come within 366 days (waitMsMax)',
    });
    expect(next('0 0 29 2 *', 'UTC', '2026-11-26T08:00:00Z')).toContain('does not come within 366 days');
    expect(next('0 0 31 2 *', 'UTC', '2026-11-26T08:00:00Z')).toContain('`0 0 31 2 *` never comes');
  });

  test('02:30 on the days the clock is changed: left out in spring, twice in autumn', () => {
    // Europe/Berlin puts the clock on at 01:00 UTC on 28 March 2027, and back at 01:00 UTC on 31 October 2027.
    expect(next('30 2 * * *', 'Europe/Berlin', '2027-03-27T12:00:00Z')).toBe('2027-03-28T01:00:00.000Z');
    expect(next('30 2 * * *', 'Europe/Berlin', '2027-03-28T01:00:00Z')).toBe('2027-03-29T00:30:00.000Z');
    expect(next('30 2 * * *', 'Europe/Berlin', '2027-10-30T12:00:00Z')).toBe('2027-10-31T00:30:00.000Z');
    expect(next('30 2 * * *', 'Europe/Berlin', '2027-10-31T00:30:00Z')).toBe('2027-11-01T01:30:00.000Z');
    // America/New_York: 07:00 UTC on 14 March 2027, 06:00 UTC on 7 November 2027.
    expect(next('30 2 * * *', 'America/New_York', '2027-03-13T12:00:00Z')).toBe('2027-03-14T07:00:00.000Z');
    expect(next('30 1 * * *', 'America/New_York', '2027-11-06T12:00:00Z')).toBe('2027-11-07T05:30:00.000Z');
    expect(next('30 1 * * *', 'America/New_York', '2027-11-07T05:30:00Z')).toBe('2027-11-08T06:30:00.000Z');
    // Every day at nine stays at nine.
    expect(next('0 9 * * *', 'Europe/Berlin', '2027-03-27T12:00:00Z')).toBe('2027-03-28T07:00:00.000Z');
    expect(next('0 9 * * *', 'Europe/Berlin', '2027-10-30T12:00:00Z')).toBe('2027-10-31T08:00:00.000Z');
  });
});

describe('patterns on the days the clock is changed', () => {
  /** The times of the day around a change, in UTC, one after the other. */
  const times = (cron: string, from: string, to: string, tz = 'Europe/Berlin'): string[] => {
    const found: string[] = [];
    let nowMs = Date.parse(from);
    for (;;) {
      const body = { kind: 'wait', forMs: null, until: null, cron, tz } as const;
      const moment = authoring.momentOf(body, nowMs);
      if (moment.kind === 'error') throw new Error(moment.message);
      if (moment.atMs > Date.parse(to)) return found;
      found.push(new Date(moment.atMs).toISOString().slice(8, 16));
      nowMs = moment.atMs;
    }
  };
  // At 01:00 UTC on the 28th 02:00 becomes 03:00.
  const spring = (cron: string): string[] => times(cron, '2027-03-27T23:30:00Z', '2027-03-29T00:45:00Z');
  // At 01:00 UTC on the 31st 03:00 becomes 02:00.
  const autumn = (cron: string): string[] => times(cron, '2027-10-30T23:30:00Z', '2027-10-31T03:00:00Z');

  test.each([
    ['30 2 * * *', ['28T01:00', '29T00:30'], ['31T00:30']],
    ['0,30 2 * * *', ['28T01:00', '29T00:00', '29T00:30'], ['31T00:00', '31T00:30']],
    [
      '*/15 2 * * *',
      ['28T01:00', '29T00:00', '29T00:15', '29T00:30', '29T00:45'],
      ['31T00:00', '31T00:15', '31T00:30', '31T00:45'],
    ],
    ['0 1-3 * * *', ['28T00:00', '28T01:00', '28T23:00', '29T00:00'], ['31T00:00', '31T02:00']],
    ['15 2,3 * * *', ['28T01:00', '28T01:15', '29T00:15'], ['31T00:15', '31T02:15']],
    ['0 3 * * *', ['28T01:00'], ['31T02:00']],
    ['30 2 28,31 * *', ['28T01:00'], ['31T00:30']],
  ])(
    '%s: what is left out comes when the clock is put on, what comes twice counts once',
    (cron, inSpring, inAutumn) => {
      expect(spring(cron)).toEqual(inSpring);
      expect(autumn(cron)).toEqual(inAutumn);
    },
  );
  test.each([
    ['0 * * * *', ['28T00:00', '28T01:00', '28T02:00', '28T03:00'], ['31T00:00', '31T01:00', '31T02:00', '31T03:00']],
    ['30 */2 * * *', ['27T23:30', '28T02:30'], ['30T22:30', '31T00:30', '31T01:30']],
  ])('%s goes by the clock as it is shown', (cron, inSpring, inAutumn) => {
    expect(times(cron, '2027-03-27T23:00:00Z', '2027-03-28T03:15:00Z').filter((at) => at >= '27T23:30')).toEqual(
      inSpring,
    );
    expect(
      times(cron, '2027-10-30T22:15:00Z', '2027-10-31T03:00:00Z').filter((at) => cron !== '0 * * * *' || at >= '31'),
    ).toEqual(inAutumn);
  });
  test('every minute, forty minutes into the hour that comes twice, is the next minute', () => {
    expect(times('* * * * *', '2027-10-31T01:39:00Z', '2027-10-31T01:41:00Z')).toEqual(['31T01:40', '31T01:41']);
  });
  test('half an hour (Lord Howe), a whole day left out (Apia, 30 December 2011)', () => {
    // 15:30 UTC on 2 October 2027: 02:00 becomes 02:30.
    expect(times('15 2 * * *', '2027-10-02T12:00:00Z', '2027-10-02T16:00:00Z', 'Australia/Lord_Howe')).toEqual([
      '02T15:30',
    ]);
    expect(times('0 9 * * *', '2011-12-30T00:00:00Z', '2011-12-31T00:00:00Z', 'Pacific/Apia')).toEqual([
      '30T10:00',
      '30T19:00',
    ]);
  });
});

describe('manual', () => {
  const schema = 'answer:\n  type: object\n  properties: { volts: { type: number } }';
  const asks = (front: string, rest = 'Read {{ step.cell }}.'): string =>
    fence('manual { name=m }', `---\n${front}\n---\n${rest}`);

  test('a text alone asks for nothing; between lines of dashes stands what is asked', () => {
    expect(cellOf(fence('manual { name=m }', 'Look.\n---\nTwice.')).body).toEqual({
      kind: 'manual',
      instructions: ['Look.\n---\nTwice.'],
    });
    expect(cellOf(asks(schema)).body).toEqual({
      kind: 'manual',
      instructions: ['Read ', { expression: 'step.cell', write: 'text' }, '.'],
      answer: { type: 'object', properties: { volts: { type: 'number' } } },
    });
  });

  test.each([
    [asks(schema, ''), '7:1 this manual cell has no instructions'],
    [fence('manual { name=m }', '---\nLook.'), 'between two lines of `---`; the second is missing'],
    [asks('answr: {}'), 'unknown key `answr` in a `manual` cell; did you mean `answer`?'],
    [asks('answer: { type: string }'), '`answer` is the JSON Schema of an object'],
    [asks('answer: { type: object, properties: { a: { typ: string } } }'), 'JSON Schema has no keyword `typ`'],
    [asks('answer: { type: object, properties: { a: { $ref: x } } }'), '`$ref` is not read in the schema of an answer'],
  ])('%j is refused', (cell, message) => {
    expect(problems(cell).join('\n')).toContain(message);
  });
});

describe('poll', () => {
  const get = 'GET https://example.com/health';
  const expects = fence('cel { expect=p }', 'output.status == 200');

  test('repeats a cell without effects', () => {
    const cell = cellOf(fence('http { name=p poll=30s within=2h onTimeout=continue timeout=5s }', get), expects);
    expect(cell).toMatchObject({
      poll: { everyMs: 30_000, withinMs: 7_200_000, onTimeout: 'continue' },
      timeoutMs: 5_000,
      interrupted: 'hold',
      retryMax: null,
    });
    expect(cellOf(fence('sh { name=p poll=1s }', 'true'), expects).poll).toEqual({
      everyMs: 1_000,
      withinMs: null,
      onTimeout: 'fail',
    });
    expect('poll' in cellOf(fence('http { name=p }', get))).toBe(false);
    expect(cellOf(fence('http { name=p poll=30s holds=30m }', get), expects).poll).toMatchObject({
      holds: { forMs: 1_800_000 },
    });
    expect(cellOf(fence('http { name=p poll=30s times=3 }', get), expects).poll).toMatchObject({ holds: { times: 3 } });
  });

  test.each([
    ['http { name=p poll=30s }', get, false, '6:18 a cell with `poll` is repeated until its expectations hold'],
    [
      'http { name=p poll=30s retry=2 }',
      get,
      true,
      '`retry` cannot stand beside `poll`: a `http` cell that only looks',
    ],
    ['http { name=p poll=30s interrupted=retry }', get, true, '`interrupted` cannot stand beside `poll`'],
    [
      'http { name=p poll=30s }',
      'POST https://example.com',
      true,
      '7:1 a cell with `poll` has no effects: GET or HEAD, not POST',
    ],
    ['http { name=p poll=10ms }', get, true, 'too short; at least 1s'],
    ['http { name=p within=2h }', get, true, '`within` belongs to a cell that is repeated; it needs `poll=`'],
    ['http { name=p poll=5s onTimeout=fail }', get, true, 'it needs `within=`'],
    ['http { name=p holds=2h }', get, true, '`holds` belongs to a cell that is repeated; it needs `poll=`'],
    ['http { name=p poll=5s holds=2h times=3 }', get, true, '`holds` and `times` exclude each other; keep one'],
    ['http { name=p poll=5s times=1 }', get, true, '`times` is a whole number from 2 to 100 (timesMax), not `1`'],
    ['http { name=p poll=5s holds=long }', get, true, '`holds`: `long` is not a duration'],
    ['manual { name=p poll=5s }', 'Look.', true, 'unknown attribute `poll` for `manual` cells'],
  ])('%s with %j is refused', (info, body, expected, message) => {
    expect(problems(fence(info, body), expected ? expects : '').join('\n')).toContain(message);
  });
});
