/** verify and rebuild: what stands in the tables is checked, and views are made again. The same over both transports. */

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Raw, rawOfFile } from '../support/world.ts';
import { halting, twoCells } from './documents.ts';
import { at, setup, transports } from './support.ts';

describe.each(transports)('%s', (over) => {
  const place = setup(over);
  const pawl = (...args: string[]) => place.pawl(...args);
  /** Past every condition, as somebody with rights on the tables can. */
  const raw = (): Raw => rawOfFile(join(place.folder, over === 'in process' ? 'data' : 'served', 'pawl.db'));

  test('a run is verified whole, and so is all there is; the heads are a witness for later', async () => {
    await place.write('two.md', twoCells);
    for (const id of ['v-1', 'v-2']) expect((await pawl('run', 'two.md', '--instance', id)).exit).toBe(0);
    const one = await pawl('verify', 'v-1');
    expect(one).toMatchObject({ exit: 0, err: '' });
    expect(one.out).toMatch(/^Verified 1 journal, \d+ entries: nothing is broken\.\n$/);
    const none = await place.pawl('verify', 'nobody');
    expect([none.exit, none.out]).toEqual([
      2,
      expect.stringMatching(
        /^instance.unknown +nobody: .*\nVerified nothing\. 1 id not verified, for what is said above\.\n$/s,
      ),
    ]);
    const all = await pawl('verify', '--all', '--json');
    expect(all.exit).toBe(0);
    expect(at(all.json, 'verified', 0)).toMatchObject({ instanceId: 'v-1', intact: true, breaks: [], ended: null });
    expect(at(all.json, 'verified', 1)).toMatchObject({ instanceId: 'v-2', intact: true });
    await place.write('heads.json', all.out);
    const against = await pawl('verify', '--all', '--against', 'heads.json');
    expect(against.exit).toBe(0);
    expect(against.out).toMatch(
      /^Verified 2 journals, \d+ entries: nothing is broken\. Compared with heads\.json\.\n$/,
    );
  });

  test('a witness that has seen something else, as a log line or as an export, finds what was rewritten or cut', async () => {
    const seq = at((await pawl('verify', 'v-1', '--json')).json, 'verified', 0, 'head', 'seq') as number;
    const line = (more: object): string => JSON.stringify({ message: 'put.written', hash: 'a'.repeat(64), ...more });
    await place.write(
      'rewritten.log',
      ['not JSON', line({ instanceId: 'v-1', seq }), '{"message":"other"}'].join('\n'),
    );
    const rewritten = await pawl('verify', 'v-1', '--against', 'rewritten.log');
    expect(rewritten.exit).toBe(1);
    expect(rewritten.out).toContain(`seq ${seq}: the witness has seen another entry here: the chain was rewritten`);
    expect(rewritten.out).toContain('pawl cancel v-1 --reason');
    await place.write('longer.log', line({ instanceId: 'v-1', seq: seq + 2 }));
    expect((await pawl('verify', 'v-1', '--against', 'longer.log')).out).toContain('the end was cut off');
    await place.write('gone.log', line({ instanceId: 'never-was', seq: 1 }));
    const gone = await pawl('verify', '--all', '--against', 'gone.log');
    expect(gone.exit).toBe(1);
    expect(gone.out).toContain('never-was');
    for (const [file, text] of [
      ['empty.log', ''],
      ['other.json', '{"verified": []}'],
    ] as const) {
      await place.write(file, text);
      const refused = await pawl('verify', '--all', '--against', file);
      expect(refused.exit).toBe(2);
      expect(refused.err).toMatch(/holds no hash of an entry/);
    }
    expect(await pawl('verify', '--all', '--against', 'no-such-file')).toMatchObject({ exit: 2 });
  });

  test('an altered entry is found; nothing runs in that instance; it reads `broken`; a person ends it', async () => {
    await place.write('halting.md', halting);
    await pawl('run', 'halting.md', '--instance', 'altered');
    const item = (await raw().get('journal', { instanceId: 'altered', seq: 1 })) ?? {};
    const entry = String(item.entry).replace('"alice"', '"mallory"');
    expect(entry).not.toBe(item.entry);
    await raw().put('journal', { ...item, entry });

    const found = await pawl('verify', '--all');
    expect(found.exit).toBe(1);
    expect(found.out).toMatch(/broken {2}altered\n {2}seq 2: what it says of entry 1/);
    const status = await pawl('status', 'altered');
    expect(status.exit).toBe(1);
    expect(status.err).toMatch(/journal\.broken|broken at seq 2/);
    // Entry 1 is the one before the head of a run that halted at once, or behind it: either way nothing begins.
    const retried = await pawl('rebuild', 'altered');
    const advanced = await pawl('advance', 'altered');
    expect([retried.exit, advanced.exit]).toContain(1);
    expect((await pawl('journal', 'altered')).exit).toBe(1);

    const ended = await pawl('cancel', 'altered', '--reason', 'mallory was here, see incident 7');
    expect(ended.exit).toBe(0);
    const listed = at((await pawl('list', '--status', 'cancelled', '--json')).json, 'views', 0);
    expect(listed).toMatchObject({ instanceId: 'altered', status: 'cancelled' });
  });

  test('lost views are made again, all of them, and what they make due with them', async () => {
    const before = at((await pawl('list', '--json', '--limit', '100')).json, 'views') as { instanceId: string }[];
    for (const { instanceId } of before) await raw().delete('views', { instanceId });
    expect((await pawl('list')).out).toContain('No instances.');
    const rebuilt = await pawl('rebuild', '--all');
    expect(rebuilt.out).toMatch(/Rebuilt \d+ views? from the journals\.\n$/);
    const after = at((await pawl('list', '--json', '--limit', '100')).json, 'views') as { instanceId: string }[];
    const whole = before.filter(({ instanceId }) => instanceId !== 'altered');
    expect(after.filter(({ instanceId }) => instanceId !== 'altered')).toEqual(whole);
  });

  test('neither ids nor --all, or both, is wrong usage', async () => {
    for (const command of ['verify', 'rebuild']) {
      expect((await pawl(command)).exit).toBe(2);
      expect((await pawl(command, 'v-1', '--all')).exit).toBe(2);
    }
    expect(await pawl('verify', 'nobody')).toMatchObject({ exit: 2 });
  });
});
