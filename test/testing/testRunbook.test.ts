import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CellTest, type RunbookTest, testRunbook } from 'pawl/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pawl-testing-'));
});
afterAll(async () => await rm(dir, { recursive: true, force: true }));

const document = (cells: string, front = ''): string => `---
runbook: kit
title: Kit
params:
  file: { type: string, default: none }
${front}---
${cells}`;
const sh = (braces: string, script: string): string => `\`\`\`sh { ${braces} }\n${script}\n\`\`\`\n`;
const fence = (head: string, text = ''): string => `\`\`\`${head}\n${text}\n\`\`\`\n`;

const cellOf = (report: RunbookTest, name: string): CellTest => {
  const cell = report.cells.find((one) => one.name === name);
  if (cell === undefined) throw new Error(`there is no cell ${name}`);
  return cell;
};
/** `reserved: held` and so on, in order. */
const crashes = (report: RunbookTest, name: string): string[] =>
  cellOf(report, name).crashes.map(({ after, then }) => `${after}: ${then}`);
const linesOf = async (file: string): Promise<string[]> => (await readFile(file, 'utf8')).trim().split('\n');

describe('what a cell comes to when its engine is gone', () => {
  test('nothing declared: held for a person, and its body ran once in all', async () => {
    const file = join(dir, 'held');
    const report = await testRunbook(document(sh('name=pay', 'echo paid >> "$PAWL_PARAM_FILE"')), { params: { file } });
    expect(crashes(report, 'pay')).toEqual(['reserved: held', 'effect: held', 'outcome: goes_on']);
    expect(cellOf(report, 'pay')).toMatchObject({ ran: 'really', times: 1, repeat: null });
    expect(await linesOf(file)).toEqual(['paid']);
    expect(report).toMatchObject({ ok: true, result: 'completed', crashes: 4, started: { then: 'goes_on' } });
  });

  test('interrupted=continue: recorded as unknown, and on; it is not begun again', async () => {
    const file = join(dir, 'continue');
    const report = await testRunbook(
      document(sh('name=tell interrupted=continue', 'echo told >> "$PAWL_PARAM_FILE"')),
      {
        params: { file },
      },
    );
    expect(crashes(report, 'tell')).toEqual(['reserved: continued', 'effect: continued', 'outcome: goes_on']);
    expect(await linesOf(file)).toEqual(['told']);
  });

  test('cells without effects have nothing to interrupt; a skipped one neither; an end ends it', async () => {
    const report = await testRunbook(
      document(
        fence('assert { name=sums }', '1 + 1 == 2') +
          sh('name=never when="false"', 'exit 1') +
          fence('end { name=enough when="true" }') +
          sh('name=later', 'true'),
      ),
    );
    expect(report.cells.map(({ name, ran }) => [name, ran])).toEqual([
      ['sums', 'none'],
      ['never', 'skipped'],
      ['enough', 'none'],
      ['later', 'not reached'],
    ]);
    expect(crashes(report, 'never')).toEqual(['outcome: goes_on']);
    expect(report).toMatchObject({ ok: true, result: 'completed' });
  });

  test('time is moved: retries, waits of weeks and deadlines take no time of anybody', async () => {
    let asked = 0;
    const report = await testRunbook(
      document(sh('name=flaky retry=2 timeout=10m', 'true') + fence('wait { name=rest for=20d }')),
      {
        stubs: {
          flaky: () => {
            asked += 1;
            if (asked === 1) throw new Error('not yet');
            return { ok: true };
          },
        },
      },
    );
    expect(report).toMatchObject({ ok: true, result: 'completed' });
    expect(cellOf(report, 'flaky')).toMatchObject({ attempts: 2, ended: { status: 'completed' } });
    expect(cellOf(report, 'rest').answer).toBe('time moved by 1728000 s');
  });
});

describe('a cell that is declared safe to repeat', () => {
  test('the same result after a crash between effect and outcome: as declared', async () => {
    const file = join(dir, 'same');
    const report = await testRunbook(
      document(sh('name=set interrupted=retry', `echo set >> "$PAWL_PARAM_FILE"\necho '{"is":1}' > "$PAWL_OUTPUT"`)),
      { params: { file } },
    );
    expect(crashes(report, 'set')).toEqual(['reserved: retried', 'effect: retried', 'outcome: goes_on']);
    expect(cellOf(report, 'set').repeat).toMatchObject({ by: 'interrupted', same: true, differences: [] });
    expect(await linesOf(file)).toEqual(['set', 'set']);
    expect(report.ok).toBe(true);
  });

  test('another result: what differed is said, and what to change', async () => {
    const file = join(dir, 'differs');
    const script = `echo line >> "$PAWL_PARAM_FILE"\necho "{\\"lines\\":$(wc -l < "$PAWL_PARAM_FILE")}" > "$PAWL_OUTPUT"`;
    const report = await testRunbook(document(sh('name=count interrupted=retry', script)), { params: { file } });
    expect(cellOf(report, 'count').repeat?.differences).toEqual([{ path: 'output.lines', before: 1, after: 2 }]);
    expect(report.ok).toBe(false);
    expect(report.findings).toMatchObject([
      {
        code: 'repeat.differs',
        cell: 'count',
        message:
          'count is declared safe to repeat by interrupted=retry, and running it again left another result (output.lines: 1, then 2).',
      },
    ]);
    expect(report.findings[0]?.next).toContain('--ignore count.output.lines');
  });

  test('a difference that does not matter is left out by its path', async () => {
    const report = await testRunbook(document(sh('name=stamp interrupted=retry', 'date +%s%N > "$PAWL_OUTPUT"')), {
      ignore: ['stamp.output'],
    });
    expect(cellOf(report, 'stamp').repeat).toMatchObject({ same: true, differences: [] });
    expect(report.ok).toBe(true);
  });

  test('retry=N alone: run again after a failure that is made up, under the same idempotency key', async () => {
    const keys: string[] = [];
    const report = await testRunbook(document(sh('name=put retry=1', 'true')), {
      stubs: {
        put: ({ step }) => {
          keys.push(step.idempotencyKey);
          return { puts: keys.length };
        },
      },
    });
    expect(crashes(report, 'put')).toEqual(['reserved: held', 'effect: held', 'outcome: goes_on']);
    expect(cellOf(report, 'put').repeat).toMatchObject({
      by: 'retry',
      same: false,
      differences: [{ path: 'output.puts', before: 1, after: 2 }],
    });
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^test-[0-9a-f]{12}\/[0-9a-f]{12}\/kit-[0-9a-f]{12}\/put\/1$/);
  });

  test('expectations that no longer hold after the repetition are a different result, and would halt the run', async () => {
    let files = 3;
    const report = await testRunbook(
      document(sh('name=remove interrupted=retry', 'true') + fence('cel { expect=remove }', 'output.removed > 0')),
      {
        stubs: {
          remove: () => {
            const removed = files;
            files = 0;
            return { removed };
          },
        },
      },
    );
    expect(report.findings[0]?.message).toBe(
      'remove is declared safe to repeat by interrupted=retry, and running it again left another result (what it expects held, then did not; output.removed: 3, then 0); the run would halt there.',
    );
  });

  test('no attempt left to repeat it with: held, whatever it declares', async () => {
    const report = await testRunbook(document(sh('name=once interrupted=retry retry=0', 'true')));
    expect(crashes(report, 'once')).toEqual(['reserved: held', 'effect: held', 'outcome: goes_on']);
  });

  test('a fixed answer shows nothing about a repetition, and says so by showing none', async () => {
    const report = await testRunbook(document(sh('name=set interrupted=retry', 'exit 1')), {
      stubs: { set: { is: 1 } },
    });
    expect(cellOf(report, 'set')).toMatchObject({ ran: 'stubbed', times: 0, repeat: null });
    expect(report).toMatchObject({ ok: true, stubbed: ['set'] });
  });
});

describe('a cell with a probe', () => {
  const probed = (probe: string): string =>
    document(
      sh('name=send interrupted=probe', 'echo "$PAWL_IDEMPOTENCY_KEY" >> "$PAWL_PARAM_FILE"') +
        sh('probe=send', `${probe} && a=done || a=not-done\necho "{\\"answer\\":\\"$a\\"}" > "$PAWL_OUTPUT"`),
    );

  test('not done before the effect, done after it: as declared, and it ran once', async () => {
    const file = join(dir, 'probed');
    const source = probed('grep -qs "$PAWL_IDEMPOTENCY_KEY" "$PAWL_PARAM_FILE"');
    const report = await testRunbook(source, { params: { file } });
    expect(crashes(report, 'send')).toEqual(['reserved: probe_not_done', 'effect: probe_done', 'outcome: goes_on']);
    expect(await linesOf(file)).toHaveLength(1);
    expect(report.ok).toBe(true);
  });

  test('a probe that does not see the effect is found: the cell would run twice', async () => {
    const report = await testRunbook(probed('false'), { params: { file: join(dir, 'blind') } });
    expect(report.findings).toMatchObject([{ code: 'probe.missesEffect', cell: 'send' }]);
  });

  test('a probe that takes an earlier run for this one is found: the cell would never run', async () => {
    const file = join(dir, 'earlier');
    await appendFile(file, 'an earlier run\n');
    const report = await testRunbook(probed('test -s "$PAWL_PARAM_FILE"'), { params: { file } });
    expect(report.findings).toMatchObject([{ code: 'probe.seesNothing', cell: 'send' }]);
  });

  test('a probe that is not sure after the effect is found: a person would have to decide', async () => {
    const source = document(
      sh('name=send interrupted=probe', 'true') + sh('probe=send', `echo '{"answer":"unsure"}' > "$PAWL_OUTPUT"`),
    );
    const report = await testRunbook(source);
    expect(crashes(report, 'send')).toEqual(['reserved: held', 'effect: held', 'outcome: goes_on']);
    expect(cellOf(report, 'send').crashes[0]?.detail).toBe('its probe is not sure: the probe answered unsure');
    expect(report.findings).toMatchObject([
      {
        code: 'probe.unsure',
        cell: 'send',
        message:
          'send had run, and its probe could not say so (the probe answered unsure): a person would have to decide, as with interrupted=hold.',
      },
    ]);
  });

  test('a probe that only ever says done is enough for the effect: before it a person decides, as it is declared', async () => {
    const source = probed('grep -qs "$PAWL_IDEMPOTENCY_KEY" "$PAWL_PARAM_FILE"').replace('a=not-done', 'a=unsure');
    const report = await testRunbook(source, { params: { file: join(dir, 'half') } });
    expect(crashes(report, 'send')).toEqual(['reserved: held', 'effect: probe_done', 'outcome: goes_on']);
    expect(report.findings).toEqual([]);
  });

  test('a probe whose answer is not what the cell expects is found: the run would halt', async () => {
    const report = await testRunbook(
      document(
        sh('name=send interrupted=probe', `echo '{"sent":1}' > "$PAWL_OUTPUT"\ntouch "$PAWL_PARAM_FILE"`) +
          sh(
            'probe=send',
            `test -f "$PAWL_PARAM_FILE" && a=done || a=not-done\necho "{\\"answer\\":\\"$a\\"}" > "$PAWL_OUTPUT"`,
          ) +
          fence('cel { expect=send }', 'has(output.sent)'),
      ),
      { params: { file: join(dir, 'halts') } },
    );
    expect(crashes(report, 'send')).toEqual(['reserved: probe_not_done', 'effect: probe_done', 'outcome: goes_on']);
    expect(report.findings).toMatchObject([{ code: 'probe.halts', cell: 'send' }]);
    expect(report.findings[0]?.message).toBe(
      'send had run, its probe said so, and the run would halt there: what send expects does not hold for what the probe returns.',
    );
  });

  test('an output that would be missing is said, with the cells that read it', async () => {
    const report = await testRunbook(
      document(
        sh('name=tell interrupted=continue', `echo '{"id":7}' > "$PAWL_OUTPUT"`) +
          fence('assert { name=told }', 'outputs.tell.id == 7') +
          fence('assert { name=other }', '1 == 1'),
      ),
    );
    expect(cellOf(report, 'tell').crashes.map(({ then, withoutOutputFor }) => [then, withoutOutputFor])).toEqual([
      ['continued', []],
      ['continued', ['told']],
      ['goes_on', []],
    ]);
  });

  test('the probe of a cell that was answered for is not asked about a world where nothing happened', async () => {
    const report = await testRunbook(probed('false'), { stubs: { send: {} } });
    expect(crashes(report, 'send')).toEqual([
      'reserved: probe_not_asked',
      'effect: probe_not_asked',
      'outcome: goes_on',
    ]);
    expect(report.ok).toBe(true);
  });
});

describe('cells that wait are answered', () => {
  const waiting = document(
    fence('await { name=green timeout=2h }', 'claim: ci/7\nuntil: supported') +
      fence('approve { name=agree approvers="bob, carol, dave" quorum=2 }', 'May it go out?') +
      fence('manual { name=look }', 'Look.') +
      fence('assert { name=went }', 'outputs.green.timedOut == false'),
  );

  test('by the status that is waited for, by the first who are asked, by a person', async () => {
    const report = await testRunbook(waiting);
    expect(report.cells.map(({ name, answer }) => [name, answer])).toEqual([
      ['green', 'ci/7 is supported'],
      ['agree', 'approved by bob, approved by carol'],
      ['look', 'done by a person'],
      ['went', null],
    ]);
    expect(crashes(report, 'green')).toEqual(['waiting: waits', 'outcome: goes_on']);
    expect(crashes(report, 'agree')).toEqual(['waiting: waits', 'vote: waits', 'vote: goes_on', 'outcome: goes_on']);
    expect(report).toMatchObject({ ok: true, result: 'completed' });
  });

  test('a claim that never gets there: its time is moved to the time-out, and the run does not finish', async () => {
    const report = await testRunbook(waiting, { claims: { 'ci/7': 'invalidated' } });
    expect(cellOf(report, 'green').answer).toBe('ci/7 is invalidated, its time ran out');
    expect(report).toMatchObject({
      ok: false,
      result: 'halted',
      findings: [{ code: 'run.unfinished', cell: 'green' }],
    });
  });

  test('an answer for a claim that nobody waits for is found', async () => {
    const report = await testRunbook(waiting, { claims: { 'ci/8': 'supported' } });
    expect(report.findings).toMatchObject([{ code: 'answer.unused', cell: null }]);
    expect(report.findings[0]?.message).toContain('ci/8');
  });

  const asks = document(
    fence(
      'manual { name=measure }',
      '---\nanswer:\n  type: object\n  required: [volts]\n  properties: { volts: { type: number } }\n---\nRead the panel.',
    ) + fence('assert { name=low }', 'outputs.measure.volts < 24.0'),
  );
  test('a manual cell that asks is answered as the test says; without, or by what does not fit, it failed', async () => {
    const report = await testRunbook(asks, { answers: { measure: { volts: 11.5 } } });
    expect(cellOf(report, 'measure').answer).toBe('answered by a person: {"volts":11.5}');
    expect(report).toMatchObject({ ok: true, result: 'completed' });

    const wrong = await testRunbook(asks, { answers: { measure: { volts: 'high' } } });
    expect(cellOf(wrong, 'measure').answer).toMatch(/does not take the answer of the test: .*`volts` must be number/);
    expect(wrong).toMatchObject({ ok: false, result: 'halted' });

    expect(await testRunbook(asks)).toMatchObject({ ok: false, result: 'halted' });
    await expect(testRunbook(waiting, { answers: { look: {} } })).rejects.toThrow(
      'An answer names "look", which is no manual cell that asks for one of this runbook; it has none.',
    );
  });

  test('a rejection halts', async () => {
    const report = await testRunbook(waiting, { rejects: ['agree'] });
    expect(cellOf(report, 'agree').answer).toBe('rejected by bob');
    expect(report).toMatchObject({ ok: false, result: 'halted' });
  });
});

describe('a run that does not finish', () => {
  test('a cell that fails halts it: said with its error', async () => {
    const report = await testRunbook(document(sh('name=breaks', 'exit 4') + sh('name=after', 'true')));
    expect(report).toMatchObject({
      ok: false,
      result: 'halted',
      findings: [{ code: 'run.unfinished', cell: 'breaks' }],
    });
    expect(cellOf(report, 'breaks').ended).toMatchObject({ status: 'failed', exitCode: 4, satisfied: false });
    expect(cellOf(report, 'after').ran).toBe('not reached');
  });

  test('a cell that outlives its time-out is in doubt by itself', async () => {
    const report = await testRunbook(document(sh('name=slow timeout=200ms', 'sleep 20')));
    expect(report).toMatchObject({
      ok: false,
      result: 'in_doubt',
      findings: [{ code: 'run.unfinished', cell: 'slow' }],
    });
  });
});

describe('sections that elements go through', () => {
  const inner = (braces: string, script = 'echo "$PAWL_ITEM" >> "$PAWL_PARAM_FILE"'): string => sh(braces, script);
  const each = (cells: string, heading = '## Each { name=restart each="outputs.first" as=node }'): string =>
    `${fence('js { name=first interrupted=retry }', "export default () => ['a', 'b'];")}\n${heading}\n${cells}`;
  const crashesIn = (report: RunbookTest, name: string): string[] =>
    cellOf(report, name).crashes.map(
      ({ instanceId, after, then }) => `${instanceId.replace(/^.*?(~.*)?$/, '$1')} ${after}: ${then}`,
    );

  test('each: its cells crash in every element, and nothing runs twice that is not declared so', async () => {
    const file = join(dir, 'each');
    const report = await testRunbook(document(each(inner('name=stop') + inner('name=tell interrupted=retry'))), {
      params: { file },
    });
    expect(report).toMatchObject({ ok: true, result: 'completed', findings: [] });
    expect(crashesIn(report, 'stop')).toEqual([
      '~restart.0 reserved: held',
      '~restart.0 effect: held',
      '~restart.0 outcome: goes_on',
      '~restart.1 reserved: held',
      '~restart.1 effect: held',
      '~restart.1 outcome: goes_on',
    ]);
    expect(crashesIn(report, 'tell').slice(1, 2)).toEqual(['~restart.0 effect: retried']);
    expect(crashesIn(report, 'restart')).toEqual([' waiting: waits', ' outcome: goes_on']);
    expect(cellOf(report, 'stop')).toMatchObject({ section: 'restart', cameTo: 2, times: 2, ran: 'really' });
    // Once for each element, and once more for one of them, as it is declared safe to repeat.
    expect(cellOf(report, 'tell')).toMatchObject({ times: 3, repeat: { by: 'interrupted', same: true } });
    expect(cellOf(report, 'restart')).toMatchObject({ section: null, ran: 'elements' });
    expect(await linesOf(file)).toEqual(['a', 'a', 'a', 'b', 'b']);
  });

  test('parallel, a section in a section, a wait in an element and a branch that is not entered', async () => {
    const file = join(dir, 'parallel');
    const report = await testRunbook(
      document(
        `## Both { name=both parallel }
### Europe { name=eu }
${inner('name=in_eu')}${fence('approve { name=agreed groups=sre }', 'Go on?')}
### America { name=us }
#### Disks { name=disks each="[1, 2]" as=disk }
${inner('name=in_us')}
##### Only then { when="disk == 2" }
${inner('name=second')}`,
      ),
      { params: { file } },
    );
    expect(report).toMatchObject({ ok: true, result: 'completed' });
    expect(report.cells.map(({ name, section, cameTo, ran, kind }) => [name, section, cameTo, ran, kind])).toEqual([
      ['both', null, 1, 'elements', 'parallel'],
      ['in_eu', 'both', 1, 'really', 'sh'],
      ['agreed', 'both', 1, 'answered', 'approve'],
      ['disks', 'both', 1, 'elements', 'each'],
      ['in_us', 'disks', 2, 'really', 'sh'],
      ['only_then', 'disks', 1, 'none', 'branch'],
      ['second', 'disks', 1, 'really', 'sh'],
    ]);
    expect(cellOf(report, 'agreed').answer).toMatch(/^approved by sre-member-1/);
  });

  test('a failure in an element ends the test, and the cell is named; others had their turn', async () => {
    const failing = inner('name=stop', '[ "$PAWL_ITEM" != a ]');
    const report = await testRunbook(document(each(failing)));
    expect(report).toMatchObject({ ok: false, result: 'halted' });
    expect(report.findings).toEqual([
      expect.objectContaining({
        code: 'run.unfinished',
        cell: 'stop',
        message: expect.stringContaining('stop halted'),
      }),
    ]);
  });

  test('what a failure would put back: in its element, and then around it', async () => {
    const cells = [
      inner('name=stop'),
      inner('undo=stop', 'true'),
      inner('name=move'),
      inner('undo=move of=begun', 'true'),
      `### In the end { on=always }\n${inner('name=told', 'true')}`,
    ].join('');
    const heading = '## Each { name=restart each="outputs.first" as=node onFailure=undo }';
    const file = join(dir, 'back');
    const report = await testRunbook(
      document(`${sh('name=before', 'true')}${sh('undo=before', 'true')}${each(cells, heading)}`),
      { params: { file } },
    );
    expect(report).toMatchObject({ ok: true });
    expect(report.cells.map(({ name, putsBack }) => [name, putsBack])).toEqual([
      ['before', []],
      ['first', ['undo_before']],
      ['restart', ['undo_restart', 'undo_before']],
      ['stop', ['told', 'undo_restart', 'undo_before']],
      ['move', ['undo_move', 'undo_stop', 'told', 'undo_restart', 'undo_before']],
      ['told', []],
    ]);
  });

  test('what really runs is named before, and answers are taken for cells in them', async () => {
    const { authoring } = await import('../../src/authoring/index.ts');
    const compiled = authoring.compile(document(each(inner('name=stop') + inner('name=tell'))));
    if (compiled.kind !== 'runbook') throw new Error(JSON.stringify(compiled));
    const { willRun } = await import('../../src/testing/index.ts');
    const tested = { runbook: compiled.runbook, pins: () => undefined };
    expect(willRun(tested, { stubs: { tell: 1 } }).map(({ cell, section }) => [cell, section])).toEqual([
      ['first', null],
      ['stop', 'restart'],
    ]);
    expect(willRun(tested, { cell: 'first' }).map(({ cell }) => cell)).toEqual(['first']);
    expect(willRun(tested, { cell: 'stop' }).map(({ cell }) => cell)).toEqual(['first', 'stop', 'tell']);
    const seen: unknown[] = [];
    const stubs = { stop: 1, tell: ({ outputs }: { outputs: unknown }) => void seen.push(outputs) };
    expect(await testRunbook(document(each(inner('name=stop') + inner('name=tell'))), { stubs })).toMatchObject({
      ok: true,
    });
    expect(seen).toHaveLength(2);
  });

  test('one cell in them alone: only that one is interrupted, and the run stops after the section', async () => {
    const file = join(dir, 'one');
    const source = document(each(`${inner('name=stop')}${inner('name=tell')}## After\n${sh('name=after', 'true')}`));
    const report = await testRunbook(source, { cell: 'tell', params: { file } });
    expect(report.cells.map(({ name, crashes: all }) => [name, all.length])).toEqual([
      ['first', 0],
      ['restart', 0],
      ['stop', 0],
      ['tell', 6],
      ['after', 0],
    ]);
    expect(report).toMatchObject({ ok: true, result: 'stopped' });
  });
});

describe('runs of other runbooks', () => {
  const restore = `---
runbook: restore
params:
  db: { type: string }
  file: { type: string }
secrets: { KEY: { from: "ssm:/pawl/key" } }
onFailure: undo
---
${sh('name=restore uses=KEY', 'echo "restore $PAWL_PARAM_DB" >> "$PAWL_PARAM_FILE"')}${sh('undo=restore', 'true')}${fence(
  'approve { name=agreed groups=sre }',
  'Go on?',
)}${fence('run { name=check output="outputs.verify.rows" }', 'runbook: check\nparams: { file: "{{ params.file }}" }')}`;
  const check = `---
runbook: check
params:
  file: { type: string }
---
${sh('name=verify interrupted=retry', `echo verify >> "$PAWL_PARAM_FILE"\necho '{"rows":3}' > "$PAWL_OUTPUT"`)}`;
  const whole = document(
    sh('name=before', 'true') +
      sh('undo=before', 'true') +
      fence(
        'run { name=dbs each="[\'a\', \'b\']" as=db output="outputs.check[0].output" }',
        'runbook: restore\nparams: { db: "{{ db }}", file: "{{ params.file }}" }',
      ) +
      sh('name=after', 'true'),
  );
  const runs = [restore, check];
  const secrets = { 'dbs/KEY': 'hunter2-hunter2' };

  test('each run crashes at every entry; cells go by the name of what runs them, and what was done runs once', async () => {
    const file = join(dir, 'runs');
    const report = await testRunbook(whole, { params: { file }, runs, secrets });
    expect(report).toMatchObject({ ok: true, result: 'completed', findings: [] });
    expect(report.cells.map(({ name, section, cameTo, ran, times }) => [name, section, cameTo, ran, times])).toEqual([
      ['before', null, 1, 'really', 1],
      ['dbs', null, 1, 'elements', 0],
      ['dbs/restore', 'dbs', 2, 'really', 2],
      ['dbs/agreed', 'dbs', 2, 'answered', 0],
      ['dbs/check', 'dbs', 2, 'elements', 0],
      // Once more in one of them, as it is declared safe to repeat.
      ['dbs/check/verify', 'dbs/check', 2, 'really', 3],
      ['after', null, 1, 'really', 1],
    ]);
    // What a failure would put back: in its run, and then around that.
    const around = ['undo_dbs', 'undo_before'];
    expect(report.cells.map(({ putsBack }) => putsBack)).toEqual([
      [],
      around,
      around,
      ['dbs/undo_restore', ...around],
      ['dbs/undo_restore', ...around],
      ['dbs/undo_restore', ...around],
      around,
    ]);
    const inRuns = cellOf(report, 'dbs/restore').crashes.map(({ instanceId, after, then }) => [
      instanceId.replace(/^[^~]*/, ''),
      after,
      then,
    ]);
    expect(inRuns).toEqual([
      ['~dbs.0', 'reserved', 'held'],
      ['~dbs.0', 'effect', 'held'],
      ['~dbs.0', 'outcome', 'goes_on'],
      ['~dbs.1', 'reserved', 'held'],
      ['~dbs.1', 'effect', 'held'],
      ['~dbs.1', 'outcome', 'goes_on'],
    ]);
    expect(crashes(report, 'dbs/check/verify').slice(0, 3)).toEqual([
      'reserved: retried',
      'effect: retried',
      'outcome: goes_on',
    ]);
    expect(await linesOf(file)).toEqual(['restore a', 'verify', 'verify', 'restore b', 'verify']);
  });

  test('what a person answers in a run is given by these names', async () => {
    const measuring = `---
runbook: measuring
title: Measuring
---
${fence('manual { name=volts }', '---\nanswer: { type: object, properties: { volts: { type: integer } } }\n---\nRead the panel.')}`;
    const outer = document(fence('run { name=first }', 'runbook: measuring'));
    const report = await testRunbook(outer, { runs: [measuring], answers: { 'first/volts': { volts: 12 } } });
    expect(report).toMatchObject({ ok: true, result: 'completed' });
    expect(cellOf(report, 'first/volts').answer).toBe('answered by a person: {"volts":12}');
  });

  test('answers, rejections, paths and one cell alone are told by these names', async () => {
    const stubs = { 'dbs/restore': 1, 'dbs/check/verify': { rows: 1 } };
    const rejected = await testRunbook(whole, { runs, stubs, rejects: ['dbs/agreed'] });
    expect(rejected).toMatchObject({ ok: false, result: 'halted' });
    expect(rejected.findings).toEqual([expect.objectContaining({ code: 'run.unfinished', cell: 'dbs/agreed' })]);
    const one = await testRunbook(whole, { runs, stubs, cell: 'dbs/check/verify' });
    expect(one).toMatchObject({ ok: true, result: 'stopped' });
    expect(one.cells.filter(({ crashes: all }) => all.length > 0).map(({ name }) => name)).toEqual([
      'dbs/check/verify',
    ]);
    await expect(testRunbook(whole, { runs, stubs: { verify: 1 } })).rejects.toMatchObject({
      code: 'request.invalid',
      message: expect.stringContaining('A stub names "verify"'),
    });
    await expect(testRunbook(whole, { runs })).rejects.toMatchObject({
      message: expect.stringContaining('Cell dbs/restore would really run, and uses the secret dbs/KEY'),
    });
  });

  test('a repetition in a run that leaves another result is found there', async () => {
    const file = join(dir, 'counts');
    const counts = check.replace('"rows":3', '"rows":\'$(wc -l < "$PAWL_PARAM_FILE")\'');
    const report = await testRunbook(whole, { params: { file }, runs: [counts, restore], secrets });
    expect(report.findings).toMatchObject([{ code: 'repeat.differs', cell: 'dbs/check/verify' }]);
    expect(report.findings[0]?.next).toContain('--ignore dbs/check/verify.output.rows');
  });

  test('what is not at hand is refused before anything runs, and how it is given is said', async () => {
    const begun: string[] = [];
    await expect(
      testRunbook(whole, { runs: [restore], secrets, onCell: (cell) => begun.push(cell) }),
    ).rejects.toMatchObject({
      code: 'request.invalid',
      message: expect.stringMatching(/^Cell dbs\/check \(line \d+\) runs check, which is not at hand: nothing ran/),
    });
    expect(begun).toEqual([]);
  });
});

describe('what is asked for', () => {
  test('one cell alone: only that one is interrupted, and the run stops after it', async () => {
    const source = document(
      sh('name=one', 'true') + sh('name=two interrupted=retry', 'true') + sh('name=three', 'true'),
    );
    const report = await testRunbook(source, { cell: 'two' });
    expect(report.cells.map(({ name, times, crashes: all }) => [name, times, all.length])).toEqual([
      ['one', 1, 0],
      ['two', 2, 3],
      ['three', 0, 0],
    ]);
    expect(report).toMatchObject({ ok: true, result: 'stopped' });
  });

  test.each([
    [{ stubs: { nobody: 1 } }, 'request.invalid', /A stub names "nobody"/],
    [{ stubs: { waits: 1 } }, 'request.invalid', /A stub names "waits", which is no cell with a body/],
    [{ rejects: ['one'] }, 'request.invalid', /"one", which is no approval of this runbook; it has none/],
    [{ ignore: ['one.otput'] }, 'request.invalid', /say NAME\.output/],
    [
      { claims: { 'ci/7': { status: 'supported', statement: 5 } as never } },
      'request.invalid',
      /claim ci\/7 cannot be taken: statement: /,
    ],
    [
      { claims: { 'ci/7': { status: 'supported', evidnce: 1 } as never } },
      'request.invalid',
      /cannot be taken: Unrecognized key: "evidnce"/,
    ],
    [{ cell: 'nobody' }, 'request.invalid', /The cell to test names "nobody"/],
    [{ ignore: ['one'] }, 'request.invalid', /say NAME\.output/],
    [{ ignore: ['nobody.output'] }, 'request.invalid', /A path to ignore names "nobody"/],
    [{ params: { nothing: 1 } }, 'params.invalid', /nothing/],
  ])('what the runbook has not is refused before anything runs: %j', async (options, code, message) => {
    const file = join(dir, 'refused');
    const cells = sh('name=one', `echo ran >> ${file}`) + fence('wait { name=waits for=1h }');
    const asked = testRunbook(document(cells), options);
    await expect(asked).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a document with mistakes is refused with each of them', async () => {
    await expect(testRunbook('no front matter')).rejects.toMatchObject({
      code: 'runbook.invalid',
      message: expect.stringMatching(/^Nothing ran: the runbook is not valid\.\n1:1 /),
    });
  });
});

describe('what a place would have to have', () => {
  const secret = 'hunter2-hunter2';
  const uses = document(
    sh('name=use uses=KEY interrupted=retry', 'cut -c1-7 "$PAWL_SECRETS/KEY" | grep -qx hunter2') +
      sh('name=make uses=KEY', 'echo another-hunter3 > "$PAWL_SECRETS/KEY"') +
      sh(
        'name=later uses=KEY interrupted=retry',
        'grep -qx another-hunter3 "$PAWL_SECRETS/KEY"; cat "$PAWL_SECRETS/KEY"',
      ),
    'secrets: { KEY: { from: "ssm:/pawl/key" } }\nat: bastion\n',
  );

  test('secrets are given by name, also to what runs again, and what a cell makes is there for later ones', async () => {
    const report = await testRunbook(uses, { secrets: { KEY: secret } });
    expect(report).toMatchObject({ ok: true, result: 'completed' });
    expect(report.cells.map(({ ran }) => ran)).toEqual(['really', 'really', 'really']);
    expect(cellOf(report, 'use').repeat).toMatchObject({ same: true });
    expect(JSON.stringify(report)).not.toMatch(/hunter/);
  });

  test('cells that are answered for need none; those that really run are refused without, and nothing runs', async () => {
    const stubs = { use: {}, make: {}, later: {} };
    expect(await testRunbook(uses, { stubs })).toMatchObject({ ok: true, result: 'completed' });
    const begun: string[] = [];
    const { later: _, ...some } = stubs;
    await expect(testRunbook(uses, { stubs: some, onCell: (cell) => begun.push(cell) })).rejects.toMatchObject({
      code: 'request.invalid',
      message: expect.stringContaining('Cell later would really run, and uses the secret KEY'),
    });
    expect(begun).toEqual([]);
  });

  test.each([
    [{ NONE: secret }, 'A secret names "NONE"'],
    [{ KEY: 'short' }, 'is shorter than 8 characters'],
  ])('a secret that fits nothing is refused: %j', async (secrets, why) => {
    await expect(testRunbook(uses, { secrets })).rejects.toMatchObject({ message: expect.stringContaining(why) });
  });

  describe('of AWS', () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(String(request.headers['x-amz-target']).split('.').at(-1) ?? '');
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end('{"TableNames":["a"]}');
    });
    beforeAll(async () => {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      vi.stubEnv('AWS_REGION', 'eu-west-1');
      vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'not-a-key');
    });
    afterAll(() => {
      vi.unstubAllEnvs();
      server.close();
    });
    const tables = document(
      fence('aws { name=tables service=dynamodb action=ListTables }') +
        fence('assert { name=some }', 'size(outputs.tables.TableNames) == 1'),
    );

    test('an answer is given for a cell as for any other', async () => {
      const report = await testRunbook(tables, { stubs: { tables: { TableNames: ['b'] } } });
      expect(report).toMatchObject({ ok: true, result: 'completed' });
      expect(cellOf(report, 'tables').ran).toBe('stubbed');
      expect(asked).toEqual([]);
    });

    test('one that really runs is sent if that is allowed, and not without', async () => {
      const refused = await testRunbook(tables);
      expect(refused.result).toBe('halted');
      expect(cellOf(refused, 'tables').ended?.error).toContain('dynamodb:ListTables is not allowed');
      expect(asked).toEqual([]);
      expect(await testRunbook(tables, { allow: { aws: ['dynamodb:List*'] } })).toMatchObject({ result: 'completed' });
      expect(new Set(asked)).toEqual(new Set(['ListTables']));
    });
  });
});
