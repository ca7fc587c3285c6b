/** What a person decides about one step: what is in doubt, verdicts, and going on in a fixed version. */
import { beforeAll, describe, expect, test } from 'vitest';
import { brief, halting, inDoubt, patient, paying, payOnce, slow } from './documents.ts';
import { at, flat, type Place, setup, transports, until, untilDecidable, withoutStore } from './support.ts';

const file = (place: Place, name: string): string => `file=${place.folder}/${name}`;
const linesOf = async (place: Place, name: string): Promise<string[]> =>
  withoutStore(await place.read(name))
    .trim()
    .split('\n');

describe.each(transports)('%s', (over) => {
  const place = setup(over);
  const pawl = (...args: string[]) => place.pawl(...args);
  const lines = (name: string): Promise<string[]> => linesOf(place, name);

  beforeAll(async () => {
    await place.write('pay.md', paying);
    await place.write('halting.md', halting);
    await payOnce(place);
  });

  describe('pawl doubts', () => {
    test('nothing in doubt: it says so, and exits with 0', async () => {
      const { exit, out } = await pawl('doubts');
      expect({ exit, out }).toEqual({ exit: 0, out: 'Nothing is in doubt.\n' });
      expect((await pawl('doubts', '--json')).json).toMatchObject({ doubts: [], unreadable: [], next: null });
    });

    test('a step in doubt: its cell, holder, age, log, and a command for each way out that is refused until a reason is given', async () => {
      await inDoubt(place, 'listed');
      const { exit, out } = await pawl('doubts', '--runbook', 'pay');
      expect(exit).toBe(5);
      expect(out).toMatch(/listed {2}pay version 1: charge \(sh\) is in doubt, begun .+ ago\n/);
      expect(out).toMatch(/holder +alice \((cli|api), .+\), attempt 1, seq 2\n/);
      expect(withoutStore(out)).toMatch(/key +local\/listed\/charge\/1\n/);
      expect(out).toContain('log\n    asking the bank\n');
      expect(out).toContain('interrupted=hold: nothing happens by itself, a person decides');
      const { json } = await pawl('doubts', '--json');
      const commands = at(json, 'doubts', 0, 'commands') as Record<string, string>;
      expect(commands).toEqual({
        succeeded: 'pawl verdict listed --seq 2 --succeeded --reason "…"',
        failed: 'pawl verdict listed --seq 2 --failed --reason "…"',
        retry: 'pawl verdict listed --seq 2 --in-doubt --retry --reason "…"',
        retryFreshKey: 'pawl verdict listed --seq 2 --in-doubt --retry --fresh-key --reason "…"',
        skip: 'pawl verdict listed --seq 2 --skip --reason "…"',
        cancel: 'pawl cancel listed --reason "…"',
      });
      const pasted = await pawl('verdict', 'listed', '--seq', '2', '--succeeded', '--reason', '…');
      expect(pasted.exit).toBe(2);
      expect(pasted.err).toContain('Give a reason in words; it is kept in the journal.');
      expect((await pawl('cancel', 'listed', '--reason', 'only looked at')).exit).toBe(0);
    });

    test('more than asked for: the mark that it ends with finds the rest, each once', async () => {
      await place.write('pair.md', paying.replace('runbook: pay', 'runbook: pair'));
      for (const id of ['pair-1', 'pair-2'])
        expect((await pawl('run', 'pair.md', '--instance', id, '-p', file(place, `${id}.txt`))).exit).toBe(5);
      const list = ['doubts', '--runbook', 'pair', '--limit', '1'];
      const first = await pawl(...list, '--json');
      expect(first.json).toMatchObject({
        doubts: [{ runbookId: 'pair' }],
        next: expect.stringMatching(/^in_doubt\../),
      });
      const rest = await pawl(...list, '--next', String(first.json.next), '--json');
      const found = [first, rest].map(({ json }) => at(json, 'doubts', 0, 'instanceId'));
      expect(found.sort()).toEqual(['pair-1', 'pair-2']);
      expect(await pawl(...list, '--next', 'x')).toMatchObject({ exit: 2, out: '' });
      for (const id of ['pair-1', 'pair-2']) await pawl('cancel', id, '--reason', 'only looked at');
    });
  });

  describe('pawl verdict about one step', () => {
    beforeAll(() => inDoubt(place, 'ok', 'again', 'skips', 'fails', 'refused'));

    test('--succeeded with the output it would have had: the run goes on after it, and the cell runs no second time', async () => {
      const said = [
        '--reason',
        'the bank shows it',
        '--output',
        '{"transfer": 77}',
        '--evidence',
        'statement, line 12',
      ];
      const { exit, out } = await pawl('verdict', 'ok', '--seq', '2', '--succeeded', ...said);
      expect(exit).toBe(0);
      expect(out).toContain('Recorded: charge of ok, seq 2: succeeded, by alice: the bank shows it\nNext: receipt:');
      expect((await pawl('advance', 'ok', '--max-cells', 'all')).exit).toBe(0);
      expect(await lines('ok.txt')).toEqual(['charged local/ok/charge/1', 'receipt']);
      const journal = await pawl('journal', 'ok', '--notes');
      expect(flat(journal.out)).toMatch(
        /4 \S+ resolved alice \S+ charge: verdict by alice: succeeded — the bank shows it/,
      );
      expect(journal.out).toContain('evidence of charge, seq 2,');
      expect(journal.out).toContain('  statement, line 12');
    });

    test('--retry keeps the key, --fresh-key makes another; each runs the cell once more', async () => {
      expect((await pawl('verdict', 'again', '--seq', '2', '--retry', '--reason', 'not there')).exit).toBe(0);
      expect((await pawl('advance', 'again')).exit).toBe(5);
      await untilDecidable(place, 'again');
      await place.write('again.txt.quick', '');
      const status = await pawl('status', 'again', '--json');
      const seq = String(at(status.json, 'step', 'seq'));
      const fresh = await pawl('verdict', 'again', '--seq', seq, '--retry', '--fresh-key', '--reason', 'key refused');
      expect(fresh.exit).toBe(0);
      expect((await pawl('advance', 'again', '--max-cells', 'all')).exit).toBe(0);
      expect(await lines('again.txt')).toEqual([
        'charged local/again/charge/1',
        'charged local/again/charge/1',
        'charged local/again/charge/2',
        'receipt',
      ]);
    });

    test('--skip goes on without it; --failed halts it, and from there a fixed version goes on', async () => {
      expect((await pawl('verdict', 'skips', '--seq', '2', '--skip', '--reason', 'paid by hand')).exit).toBe(0);
      expect((await pawl('advance', 'skips', '--max-cells', 'all')).exit).toBe(0);
      expect(await lines('skips.txt')).toEqual(['charged local/skips/charge/1', 'receipt']);
      const { out } = await pawl('verdict', 'fails', '--seq', '2', '--failed', '--reason', 'the bank refused it');
      expect(out).toContain('Halted at charge: alice said that it failed: the bank refused it.');
      expect(out).toContain('pawl start pay --continue fails --at charge --reason "…"');
    });

    test('refusals: too early, stale, of another seq, unknown; nothing is recorded', async () => {
      const before = (await pawl('journal', 'refused', '--json')).json;
      const refuse = async (...args: string[]) => {
        const { exit, json } = await pawl('verdict', ...args, '--reason', 'looked', '--json');
        return [exit, at(json, 'error', 'code')];
      };
      const stale = await pawl('verdict', 'refused', '--seq', '1', '--skip', '--reason', 'looked');
      expect(stale.err).toContain('the step that may need one is at seq 2; look again with `pawl status refused`.');
      expect(await refuse('refused', '--seq', '9', '--skip')).toEqual([4, 'seq.stale']);
      expect(await refuse('refused', '--seq', '1', '--skip')).toEqual([4, 'seq.stale']);
      expect(await refuse('nobody', '--seq', '1', '--skip')).toEqual([2, 'instance.unknown']);
      expect(await refuse('refused', '--skip')).toEqual([2, 'request.invalid']);
      expect(await refuse('refused', '--seq', '2')).toEqual([2, 'request.invalid']);
      expect(await refuse('refused', '--seq', '2', '--skip', '--retry')).toEqual([2, 'request.invalid']);
      expect(await refuse('refused', '--seq', '2', '--succeeded', '--output', '{no')).toEqual([2, 'request.invalid']);
      expect(await refuse('refused', '--seq', '2', '--failed', '--output', '{}')).toEqual([2, 'request.invalid']);
      expect(await refuse('refused', '--seq', '2', '--skip', '--fresh-key')).toEqual([2, 'request.invalid']);
      expect(await refuse('refused', '--seq', '2', '--succeeded', '--output', '@none.json')).toEqual([
        2,
        'request.invalid',
      ]);
      expect((await pawl('verdict', 'refused', '--seq', '2', '--skip')).exit).toBe(2);
      expect((await pawl('journal', 'refused', '--json')).json).toEqual(before);
      // Two people at once: one verdict stands, the other is told.
      const both = await Promise.all([
        pawl('verdict', 'refused', '--seq', '2', '--skip', '--reason', 'one', '--json'),
        pawl('verdict', 'refused', '--seq', '2', '--retry', '--reason', 'two', '--json'),
      ]);
      expect(both.map(({ exit }) => exit).sort()).toEqual([0, 4]);
      // What was decided is stale from then on; what has ended is past deciding.
      expect(await refuse('refused', '--seq', '2', '--skip')).toEqual([4, 'seq.stale']);
      await pawl('cancel', 'refused', '--reason', 'enough');
      const ended = await pawl('verdict', 'refused', '--seq', '2', '--skip', '--reason', 'looked', '--json');
      expect(ended).toMatchObject({ exit: 1, json: { error: { code: 'instance.finished' } } });
      expect(at(ended.json, 'error', 'message')).toContain('see `pawl journal refused`');
    });
  });

  describe('going on in a fixed version', () => {
    beforeAll(() => inDoubt(place, 'mended', 'redo'));

    test('refused while a step is in doubt; after a verdict it cites what was done and runs the rest under its own keys', async () => {
      const go = ['start', 'pay', '--continue', 'mended', '--at', 'charge'];
      const early = await pawl(...go, '--json');
      expect(early).toMatchObject({ exit: 1, json: { error: { code: 'continue.refused' } } });
      expect(at(early.json, 'error', 'message')).toContain('`pawl verdict mended --seq 2 …`');
      await pawl('verdict', 'mended', '--seq', '2', '--failed', '--reason', 'the bank refused it');
      await place.write('mended.md', paying.replace('title: Pays', 'title: Pays, mended'));
      await pawl('publish', 'mended.md');
      await place.write('mended.txt.quick', '');
      const started = await pawl(...go);
      expect(started.exit).toBe(0);
      expect(started.out).toContain('mended.2  pay version 2, drive manual, continues mended at charge\n');
      expect((await pawl(...go)).out).toContain('exists already');
      const rest = await pawl('advance', 'mended.2', '--max-cells', 'all');
      expect(rest.out).toMatch(/look +sh +done before/);
      expect(await lines('mended.txt')).toEqual([
        'charged local/mended/charge/1',
        'charged local/mended.2/charge/1',
        'receipt',
      ]);
      expect(flat((await pawl('journal', 'mended')).out)).toContain('goes on as mended.2');
      expect(flat((await pawl('journal', 'mended.2')).out)).toContain(
        'continues mended at charge; cites look (mended, seq 2)',
      );
      expect((await pawl('advance', 'mended')).exit).toBe(1);
    });

    test('what was done there runs again only for a reason; --continue and --at come together', async () => {
      await pawl('run', 'halting.md', '--instance', 'halts');
      const alone = await pawl('start', 'halting', '--continue', 'halts', '--json');
      expect(alone).toMatchObject({ exit: 2, json: { error: { code: 'request.invalid' } } });
      const far = await pawl('start', 'halting', '--continue', 'halts', '--at', 'after', '--json');
      expect(far).toMatchObject({ exit: 1, json: { error: { code: 'continue.refused' } } });
      await pawl('verdict', 'redo', '--seq', '2', '--failed', '--reason', 'refused');
      const again = await pawl('start', 'pay', '--continue', 'redo', '--at', 'look', '--json');
      expect(again).toMatchObject({ exit: 1, json: { error: { code: 'continue.refused' } } });
      expect(at(again.json, 'error', 'message')).toContain('give a reason (`--reason TEXT`)');
      const said = await pawl('start', 'pay', '--continue', 'redo', '--at', 'look', '--reason', 'prices changed');
      expect(said.exit).toBe(0);
    });
  });
});

describe('a worker that is killed', () => {
  const place = setup();

  test('a worker killed in mid-cell: a verdict before deadline and grace is refused with the time; afterwards it counts', async () => {
    const env = { PAWL_TAKEOVER_GRACE_MS: '1000' };
    const call = place.pawlWith(env);
    await place.write('brief.md', brief);
    const worker = place.begin(['run', 'brief.md', '--instance', 'killed', '-p', file(place, 'killed.txt')], { env });
    await until('the cell to begin', async () => (await place.read('killed.txt')).startsWith('begun'));
    worker.kill('SIGKILL');
    await worker.ended;
    const verdict = ['verdict', 'killed', '--seq', '1', '--succeeded', '--reason', 'its log says so'];
    const early = await place.pawlWith(patient)(...verdict, '--json');
    expect(early).toMatchObject({ exit: 4, json: { error: { code: 'verdict.early' } } });
    expect(at(early.json, 'error', 'message')).toMatch(
      /^Cell works of killed may still be running: its holder may be heard of until \d{4}-.+Z; decide after that, in \d+ (?:s|min|min \d+ s)\.( Its process is gone: with --holder-gone a person decides at once\.)?$/,
    );
    await until('the doubt', async () => (await call('doubts', '--runbook', 'slow')).exit === 5);
    expect((await call(...verdict)).exit).toBe(0);
    expect((await call('advance', 'killed', '--max-cells', 'all')).exit).toBe(0);
    const [begun, ...rest] = await linesOf(place, 'killed.txt');
    expect(begun).toMatch(/^begun \d+$/);
    expect(rest).toEqual(['after']);
    const { out } = await call('journal', 'killed');
    expect(flat(out)).toMatch(/outcome alice \S+ works: verdict by alice: succeeded — its log says so/);
  });

  test.runIf(process.platform === 'linux')(
    'whose process is gone from this machine: the screens say so, and a person decides at once, with --holder-gone',
    async () => {
      const call = place.pawl;
      await place.write('slow.md', slow.replace('timeout=15s', 'timeout=60s'));
      const worker = place.begin(['run', 'slow.md', '--instance', 'gone', '-p', file(place, 'gone.txt')]);
      await until('the cell to begin', async () => (await place.read('gone.txt')).startsWith('begun'));
      const verdict = ['verdict', 'gone', '--seq', '1', '--retry', '--reason', 'looked it up'];

      const alive = await call('status', 'gone');
      expect(flat(alive.out)).toContain('process it, or one that it began, is alive');
      expect(alive.out).not.toContain('--holder-gone');
      const held = await call(...verdict, '--holder-gone', '--overlap-ok', '--json');
      expect(held).toMatchObject({ exit: 4, json: { error: { code: 'verdict.early' } } });
      expect(at(held.json, 'error', 'message')).toContain('is alive');

      worker.kill('SIGKILL');
      await worker.ended;
      await until('its runner to have ended', async () => (await call('status', 'gone')).out.includes('--holder-gone'));
      const { out, json } = await call('status', 'gone', '--json').then(async (told) => ({
        json: told.json,
        out: flat((await call('status', 'gone')).out),
      }));
      expect(out).toMatch(/process gone; what it started elsewhere may go on until \d\d:\d\d:\d\d/);
      expect(at(json, 'step', 'commands')).toMatchObject({
        skip: 'pawl verdict gone --seq 1 --skip --holder-gone --reason "…"',
        retry: 'pawl verdict gone --seq 1 --in-doubt --retry --overlap-ok --holder-gone --reason "…"',
      });
      const doubts = await call('doubts', '--json');
      expect(doubts).toMatchObject({ exit: 0, json: { doubts: [], gone: [{ instanceId: 'gone' }] } });

      const early = await call(...verdict, '--json');
      expect(early).toMatchObject({ exit: 4, json: { error: { code: 'verdict.early' } } });
      const overlapping = await call(...verdict, '--holder-gone', '--json');
      expect(overlapping).toMatchObject({ exit: 4, json: { error: { code: 'verdict.early' } } });
      expect(at(overlapping.json, 'error', 'message')).toContain('--overlap-ok');
      expect(
        (await call('verdict', '--runbook', 'slow', '--cell', 'works', ...verdict.slice(4), '--holder-gone')).exit,
      ).toBe(2);
      expect((await call(...verdict, '--holder-gone', '--overlap-ok')).exit).toBe(0);
      const journal = flat((await call('journal', 'gone')).out);
      expect(journal).toMatch(/verdict by alice: retry, its holder gone, may overlap — looked it up/);
      expect(await linesOf(place, 'gone.txt')).toHaveLength(1);
    },
  );
});
