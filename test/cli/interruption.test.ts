/** Ctrl-C, SIGTERM and kill -9 in mid-cell: nothing of the cell stays alive, and nothing is repeated. */
import { setTimeout as wait } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { brief, patient, slow } from './documents.ts';
import { at, isAlive, type Running, setup, until } from './support.ts';

const place = setup();

beforeAll(async () => {
  await place.write('slow.md', slow);
  await place.write('brief.md', brief);
});

/** Runs the slow runbook until its cell has told its pid. */
const inMidCell = async (
  name: string,
  env: Record<string, string> = {},
  document = 'slow.md',
): Promise<{ cli: Running; cellPid: number; file: string }> => {
  const file = `${name}.txt`;
  const cli = place.begin(['run', document, '--instance', name, '-p', `file=${place.folder}/${file}`], { env });
  await until('the cell to begin', async () => (await place.read(file)).startsWith('begun'));
  return { cli, cellPid: Number((await place.read(file)).trim().split(' ')[1]), file };
};

describe.each(['SIGINT', 'SIGTERM'] as const)('%s in mid-cell', (signal) => {
  test('stops the cell, records it as unknown, begins nothing further, and says how to go on', async () => {
    const name = signal.toLowerCase();
    const { cli, cellPid, file } = await inMidCell(name);
    cli.kill(signal);
    const { exit, out } = await cli.ended;
    expect(exit).toBe(130);
    expect(isAlive(cellPid)).toBe(false);
    expect(out).toContain('stopping the cell and recording how it ended');
    expect(out).toMatch(/Interrupted\.\nIn doubt: it is unknown whether works happened\. Nothing was repeated\./);
    expect(out).toMatch(/Next: what it has begun may act until .+: look then, and decide\. Until then:/);
    expect(out).toContain(`pawl cancel ${name} --reason "…"`);
    const { json } = await place.pawl('journal', name, '--json');
    expect(at((json.entries as unknown[]).at(-1), 'status')).toBe('unknown');

    const again = await place.pawl('advance', name, '--max-cells', 'all', '--json');
    expect(again.exit).toBe(5);
    expect(again.json).toMatchObject({ result: 'in_doubt', steps: [] });
    expect((await place.read(file)).trim()).toBe(`begun ${cellPid}`);
  });
});

test('a second SIGINT leaves at once', async () => {
  const { cli, cellPid } = await inMidCell('twice');
  cli.kill('SIGINT');
  await wait(500);
  cli.kill('SIGINT');
  expect((await cli.ended).exit).toBe(130);
  await until('the cell to be dead', () => !isAlive(cellPid));
});

test('kill -9 of the CLI: the cell is dead soon; in flight, then in doubt, and nothing is repeated', async () => {
  const env = { PAWL_TAKEOVER_GRACE_MS: '1000' };
  const { cli, cellPid, file } = await inMidCell('killed', env, 'brief.md');
  cli.kill('SIGKILL');
  await until('the cell to be dead', () => !isAlive(cellPid));
  await cli.ended;

  // Nobody has written the index since: it does not say so, and names what knows.
  const knows = '`pawl doubts` reads the journals themselves';
  expect((await place.pawl('list', '--runbook', 'slow', '--id', 'killed')).out).toContain(knows);
  const listed = await place.pawl('list', '--status', 'in_doubt', '--id', 'killed');
  expect(listed.out).toMatch(/^No instance fits\./);
  expect(listed.out).toContain(knows);
  expect((await place.pawl('list', '--status', 'completed', '--id', 'killed')).out).not.toContain(knows);

  const early = await place.pawlWith(patient)('advance', 'killed', '--json');
  expect(early.exit).toBe(4);
  expect(early.json).toMatchObject({
    error: { code: 'step.inFlight', details: { holder: { cell: 'works', seq: expect.any(Number) } } },
  });
  const told = await place.pawlWith(patient)('status', 'killed');
  expect(told.exit).toBe(0);
  expect(told.out).toMatch(
    /In flight: works was being carried out when its process ended\. It may have happened\.\n {2}holder +alice \(cli, .+:\d+\), attempt 1, seq \d+\n/,
  );

  const advance = () => place.pawlWith(env)('advance', 'killed', '--max-cells', 'all', '--json');
  await until('the deadline and the grace to pass', async () => (await advance()).exit === 5);
  const { exit, json } = await advance();
  expect(exit).toBe(5);
  expect(json).toMatchObject({ result: 'in_doubt', steps: [], view: { status: 'in_doubt' } });
  const { out } = await place.pawlWith(env)('status', 'killed');
  expect(out).toContain('In doubt: it is unknown whether works happened. Nothing was repeated.');
  expect(out).toMatch(/key +local\/[0-9a-f]{12}\/killed\/works\/1/);
  expect((await place.read(file)).trim()).toBe(`begun ${cellPid}`);
});

test.each([[], ['--json']])(
  'SIGINT in `pawl test %s`: the cell is dead, and it says what had begun',
  async (...more) => {
    const file = `tested${more.length}.txt`;
    const cli = place.begin(['test', 'slow.md', '--yes', '-p', `file=${place.folder}/${file}`, ...more]);
    await until('the cell to begin', async () => (await place.read(file)).startsWith('begun'));
    const cellPid = Number((await place.read(file)).trim().split(' ')[1]);
    cli.kill('SIGINT');
    const { exit, err, json } = await cli.ended;
    expect(exit).toBe(130);
    expect(err).toContain('Interrupted; these had begun, with all effects: works.');
    if (more.length > 0) expect(json).toEqual({ ok: false, ran: true, interrupted: true, begun: ['works'] });
    await until('the cell to be dead', () => !isAlive(cellPid));
  },
);
