/** Ways out that end a run, and the one after a restore: cancelling tells the truth, and every command can be pasted. */
import { beforeAll, describe, expect, test } from 'vitest';
import { brief, inDoubt, paying, payOnce, slow } from './documents.ts';
import { at, flat, type Place, setup, transports, until, withoutStore } from './support.ts';

const file = (place: Place, name: string): string => `file=${place.folder}/${name}`;
const linesOf = async (place: Place, name: string): Promise<string[]> => (await place.read(name)).trim().split('\n');

/** What is suggested of a step in doubt, and the status that it leads to. */
const ways: [string, string][] = [
  ['succeeded', 'ready'],
  ['failed', 'halted'],
  ['retry', 'ready'],
  ['retryFreshKey', 'ready'],
  ['skip', 'ready'],
  ['cancel', 'cancelled'],
];

describe.each(transports)('%s', (over) => {
  const place = setup(over);
  const pawl = (...args: string[]) => place.pawl(...args);
  const lines = (name: string): Promise<string[]> => linesOf(place, name);

  beforeAll(async () => {
    await place.write('pay.md', paying);
    await place.write('slow.md', slow);
    await payOnce(place);
    await inDoubt(place, 'unknown', 'paste-on', ...ways.map(([name]) => `paste-${name}`));
  });

  describe('commands that are suggested', () => {
    test.each(ways)(
      '`%s` of a step in doubt, pasted into a shell: refused as it stands, done with a reason',
      async (name, status) => {
        const id = `paste-${name}`;
        const { json } = await pawl('doubts', '--json');
        const step = (json.doubts as unknown[]).find((one) => at(one, 'instanceId') === id);
        const command = String(at(step, 'commands', name));
        const asItStands = await place.shell(command);
        expect(asItStands).toMatchObject({ exit: 2, out: '' });
        expect(asItStands.err).toContain('Give a reason in words');
        expect((await place.shell(command.replace('…', "the bank's page says so"))).exit).toBe(0);
        expect(at((await pawl('status', id, '--json')).json, 'view', 'status')).toBe(status);
      },
    );

    test('of a halted step: the run goes on in another version, by the command that was shown', async () => {
      await pawl('verdict', 'paste-on', '--seq', '2', '--failed', '--reason', 'refused');
      const command = String(at((await pawl('status', 'paste-on', '--json')).json, 'step', 'commands', 'continue'));
      expect((await place.shell(command.replace('…', 'mended'))).out).toContain('continues paste-on at charge');
    });
  });

  describe('cancelling tells the truth', () => {
    test('a step under way may still run and is recorded; a step in doubt stays one to be decided', async () => {
      const worker = place.begin(['run', 'slow.md', '--instance', 'stopped', '-p', file(place, 'stopped.txt')]);
      await until('the cell to begin', async () => (await place.read('stopped.txt')).startsWith('begun'));
      const { exit, out, json } = await pawl('cancel', 'stopped', '--reason', 'wrong file', '--json');
      expect({ exit, out: out.length > 0 }).toEqual({ exit: 0, out: true });
      expect(json).toMatchObject({ mayStillRun: { cell: 'works', seq: 1 }, step: { status: 'running' } });
      await place.write('stopped.txt.go', '');
      expect((await worker.ended).exit).toBe(1);
      expect((await lines('stopped.txt')).at(-1)).toBe('ended');
      const { out: journal } = await pawl('journal', 'stopped');
      expect(flat(journal)).toMatch(
        /2 \S+ cancelled alice \S+ wrong file; works, seq 1, was not closed yet 3 \S+ outcome alice \S+ works completed/,
      );
    });

    test('a step recorded as unknown stays so: nobody knows, no verdict can be given, and where to look is said', async () => {
      const { exit, out } = await pawl('cancel', 'unknown', '--reason', 'given up');
      expect(exit).toBe(0);
      expect(withoutStore(out)).toBe(`Cancelled by alice: given up. Nothing runs in it any more.
It is unknown whether charge happened, and nothing can be decided here any more.
  key       local/unknown/charge/1
Next: look at what charge acts upon; its log: \`pawl journal unknown --notes\`.
`);
      expect((await pawl('status', 'unknown')).out).toContain('It is unknown whether charge happened');
      const again = await pawl('cancel', 'unknown', '--reason', 'once more', '--json');
      expect(again.json).toMatchObject({ mayStillRun: null, undecided: { cell: 'charge', seq: 2 } });
      const late = await pawl('verdict', 'unknown', '--seq', '2', '--skip', '--reason', 'late', '--json');
      expect(late).toMatchObject({ exit: 1, json: { error: { code: 'instance.finished' } } });
    });
  });
});

describe('in process', () => {
  const place = setup();
  const pawl = (...args: string[]) => place.pawl(...args);
  const lines = (name: string): Promise<string[]> => linesOf(place, name);

  beforeAll(async () => {
    await place.write('slow.md', slow);
    await place.write('brief.md', brief);
  });

  test('a worker killed in mid-cell, then cancelled: its step is decided all the same, and nothing runs after it', async () => {
    const env = { PAWL_TAKEOVER_GRACE_MS: '1000' };
    const call = place.pawlWith(env);
    const worker = place.begin(['run', 'brief.md', '--instance', 'gone', '-p', file(place, 'gone.txt')], { env });
    await until('the cell to begin', async () => (await place.read('gone.txt')).startsWith('begun'));
    worker.kill('SIGKILL');
    await worker.ended;
    await until('the doubt', async () => (await call('doubts', '--runbook', 'slow')).exit === 5);
    const { exit, out } = await call('cancel', 'gone', '--reason', 'wrong file');
    expect(exit).toBe(0);
    expect(out).toContain('In doubt: it is unknown whether works happened. Nothing was repeated.');
    expect(out).toContain('Cancelled by alice: wrong file. However it is decided, nothing runs after it.');
    const listed = await call('doubts', '--runbook', 'slow', '--json');
    expect(Object.keys(at(listed.json, 'doubts', 0, 'commands') as object)).toEqual(['succeeded', 'failed', 'skip']);
    expect((await call('verdict', 'gone', '--seq', '1', '--succeeded', '--reason', 'it is there')).exit).toBe(0);
    expect(at((await call('status', 'gone', '--json')).json, 'view', 'status')).toBe('cancelled');
    expect((await call('advance', 'gone', '--max-cells', 'all')).exit).toBe(1);
    expect(await lines('gone.txt')).toEqual([expect.stringMatching(/^begun \d+$/)]);
    expect((await call('doubts', '--runbook', 'slow')).exit).toBe(0);
  });

  describe('pawl release', () => {
    const restored = (...args: string[]) => place.pawlWith({ PAWL_EPOCH: '1' })(...args);

    test('after a restore an older run is held and begins nothing, until somebody releases it with a reason', async () => {
      await pawl('publish', 'slow.md');
      await pawl('start', 'slow', '--instance', 'old', '-p', file(place, 'old.txt'));
      const status = await restored('status', 'old');
      expect(status.out).toContain('Held before works: it began before the last restore from backup (its epoch is 0),');
      expect(status.out).toContain('  pawl release old --reason "…"\n  pawl cancel old --reason "…"\n');
      expect((await restored('advance', 'old')).exit).toBe(1);
      expect(await place.read('old.txt')).toBe('');

      const refused = await restored('release', 'old', '--reason', '…');
      expect(refused).toMatchObject({ exit: 2, out: '' });
      expect((await restored('release', 'nobody', '--reason', 'compared')).exit).toBe(2);
      const released = await restored('release', 'old', '--reason', 'journal and files agree', '--json');
      expect(released).toMatchObject({ exit: 0, json: { released: true, view: { status: 'ready', seq: 1 } } });
      const again = await restored('release', 'old', '--reason', 'once more');
      expect(again.out).toMatch(/^old was not held: .+ Nothing was recorded\.\n/);
      const { out } = await restored('journal', 'old');
      expect(flat(out)).toMatch(/1 \S+ control alice \S+ released to epoch 1: journal and files agree$/);
      await place.write('old.txt.go', '');
      expect((await restored('advance', 'old')).exit).toBe(0);
      expect((await lines('old.txt')).at(-1)).toBe('ended');
    });
  });
});
