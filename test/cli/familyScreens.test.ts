/** A run and its elements on one screen: in lists, in one journal, verified together, as a tree in a status. */
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../src/cli/client.ts';
import { createFamilyJournal } from '../../src/cli/familyJournal.ts';
import { type Entry, limits, PawlError } from '../../src/engine/index.ts';
import { rawOfFile } from '../support/world.ts';
import { at, flat, setup, transports, until } from './support.ts';

/** `bad` fails until it is mended. */
const groups = `---
runbook: groups
params: { groups: { type: array, items: { type: object } }, folder: { type: string } }
---
## Each group { name=each_group each="params.groups" as=group max=2 stopAfter=2 onFailure=ask }

\`\`\`js { name=begin interrupted=retry }
export default () => 1;
\`\`\`

### Each node { name=each_node each="group.nodes" as=node max=2 stopAfter=2 onFailure=ask }

\`\`\`sh { name=work }
[ "$PAWL_ITEM" != bad ] || [ -f "$PAWL_PARAM_FOLDER/mended" ]
\`\`\`
`;

type Told = { instanceId: string; kind: string; seq: number; atMs: number };

describe.each(transports)('%s', (over) => {
  const place = setup(over);
  const pawl = (...args: string[]) => place.pawl(...args);
  const entriesOf = (json: Record<string, unknown>): Told[] => json.entries as Told[];
  const bad = 'deep~each_group.1~each_node.1';

  beforeAll(async () => {
    await place.write('groups.md', groups);
    const given = JSON.stringify([{ nodes: ['a'] }, { nodes: ['b', 'bad'] }]);
    const ran = await pawl(
      'run',
      'groups.md',
      '--instance',
      'deep',
      '-p',
      `groups=${given}`,
      '-p',
      `folder=${place.folder}`,
    );
    expect(ran.exit).toBe(3);
  });

  test('an element that needs somebody stands in a list under its run, which says how many do; --json is flat', async () => {
    const { out } = await pawl('list');
    expect(flat(out)).toMatch(
      /waiting each_group 0\/1 \S+ deep 1\/2 elements, 1 needs \S+ \S+ somebody halted work 0\/1 \S+ deep~each_group\.1~each_node\.1 \S+ \S+( What is under way stands here as it was [^:]+: .*)?$/,
    );
    expect(out).toMatch(/^waiting .*\n.*\n {2}halted /m);
    const { json, out: halted } = await pawl('list', '--status', 'halted', '--json');
    expect(halted).not.toContain('needs somebody');
    expect((json.views as Told[]).map(({ instanceId }) => instanceId)).toEqual([bad]);
  });

  test('where the run itself does not fit what is asked for, it is read, and its elements stand under it all the same', async () => {
    const { out } = await pawl('list', '--status', 'halted');
    expect(flat(out)).toMatch(/waiting each_group 0\/1 \S+ deep 1\/2 elements, 1 needs \S+ \S+ somebody halted work /);
  });

  test('the status of a run goes down to where somebody is needed, and names the next step there', async () => {
    const { out, json } = await pawl('status', 'deep');
    expect(out).toContain('elements 1/2 completed, 1 under way; 2 at a time');
    expect(out).toContain(
      '\n    {"nodes":["b","bad"]}  waiting at each_node for 1/2 elements, 1 needs somebody  deep~each_group.1\n' +
        `      bad  halted at work  ${bad}\nNext: decide there: \`pawl status '${bad}'\`.\n`,
    );
    expect(json).toEqual({});
    const { waits } = (await pawl('status', 'deep', '--json')).json as { waits: { elements: unknown } };
    expect(waits.elements).toMatchObject([
      { depth: 0, index: 1, instanceId: 'deep~each_group.1' },
      { depth: 1, index: 1, instanceId: bad, status: 'halted' },
    ]);
  });

  test('the journal of a family has the entries of all of it in order of time, each with its element', async () => {
    const { exit, out } = await pawl('journal', 'deep', '--family');
    expect(exit).toBe(0);
    expect(out).toMatch(/^element +seq +time +entry +who +what$/m);
    expect(out).toMatch(/^each_group\.1 {2}2 .*work failed.*\n~each_node\.1 /m);
    const entries = entriesOf((await pawl('journal', 'deep', '--family', '--json')).json);
    const times = entries.map(({ atMs }) => atMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    const ids = [
      'deep',
      ...[0, 1].map((n) => `deep~each_group.${n}`),
      'deep~each_group.0~each_node.0',
      'deep~each_group.1~each_node.0',
      bad,
    ];
    for (const id of ids)
      expect(entries.filter(({ instanceId }) => instanceId === id)).toEqual(
        entriesOf((await pawl('journal', id, '--json')).json),
      );
    expect(new Set(entries.map(({ instanceId }) => instanceId))).toEqual(new Set(ids));
    const own = entriesOf((await pawl('journal', 'deep', '--json')).json);
    expect(own.every(({ instanceId }) => instanceId === 'deep')).toBe(true);
    const rest = entriesOf((await pawl('journal', 'deep', '--family', '--skip', '3', '--json')).json);
    expect(rest).toEqual(entries.slice(3));
    expect((await pawl('journal', 'deep', '--skip', '3')).err).toContain('`--skip` goes with `--family`');
  });

  test('verify of a run checks its elements, theirs too, and says which one is broken', async () => {
    const whole = await pawl('verify', 'deep');
    expect(whole).toMatchObject({ exit: 0, err: '' });
    expect(whole.out).toMatch(/^Verified 6 journals, 5 of them of elements, \d+ entries: nothing is broken\.\n$/);
    expect((await pawl('verify', 'deep', '--all')).exit).toBe(2);
    expect((await pawl('verify', '--all')).out).toMatch(/^Verified 6 journals, 5 of them of elements, /);
  });

  test('a family is followed to the end of the run, down to the last entry of every element', async () => {
    const following = [
      place.begin(['journal', 'deep', '--family', '--follow']),
      place.begin(['journal', 'deep', '--family', '--follow', '--json']),
    ];
    await until('the followers', () => following.every(({ out }) => out().includes('halt')));
    await place.write('mended', '');
    const { json } = await pawl('status', bad, '--json');
    const retried = ['verdict', bad, '--seq', String(at(json, 'step', 'seq')), '--retry', '--reason', 'mended'];
    expect((await pawl(...retried)).exit).toBe(0);
    await until('its end', async () => (await pawl('advance', 'deep', '--max-cells', 'all')).exit === 0);
    const [shown, lines] = await Promise.all(following.map(({ ended }) => ended));
    expect([shown?.exit, lines?.exit]).toEqual([0, 0]);
    // Where she is stands beside her name, or folded under it: machines have names of many lengths.
    expect(flat(shown?.out ?? '')).toMatch(/resolved alice( \S+)? work: verdict by alice:/);
    const told = (lines?.out ?? '')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Told);
    const nameOf = ({ instanceId, seq }: Told): string => `${instanceId} ${seq}`;
    const entries = entriesOf((await pawl('journal', 'deep', '--family', '--json')).json);
    expect(told.map(nameOf).sort()).toEqual(entries.map(nameOf).sort());
    // One that has ended needs nobody, nor is there a row for it.
    expect((await pawl('list')).out).not.toContain('~');
  });

  test('an element whose end its parent has seen, and whose journal is gone or stops before that, is broken', async () => {
    const raw = rawOfFile(join(place.folder, over === 'in process' ? 'data' : 'served', 'pawl.db'));
    const first = 'deep~each_group.0~each_node.0';
    const { seq } = entriesOf((await pawl('journal', first, '--json')).json).at(-1) ?? { seq: -1 };
    const removed = await raw.get('journal', { instanceId: first, seq });
    await raw.delete('views', { instanceId: first });
    await raw.delete('journal', { instanceId: first, seq });
    const cut = await pawl('verify', 'deep');
    expect(cut.exit).toBe(1);
    expect(flat(cut.out)).toContain(
      `broken ${first} seq ${seq - 1}: deep~each_group.0 has seen it end completed, and it has not ended`,
    );
    expect(cut.out).toMatch(/Verified 6 journals, 5 of them of elements, \d+ entries: 1 broken\.\n$/);
    for (let at = 0; at < seq; at += 1) await raw.delete('journal', { instanceId: first, seq: at });
    const gone = await pawl('verify', 'deep');
    expect(gone.exit).toBe(1);
    expect(flat(gone.out)).toContain(
      `broken ${first} seq 0: deep~each_group.0 has seen it end completed, and there is none`,
    );
    await raw.put('journal', removed ?? {});
    // What cannot be read is named, and hides nothing else.
    const shown = await pawl('journal', 'deep', '--family');
    expect(shown.exit).toBe(1);
    expect(shown.out).toContain(`${first} cannot be read (journal.broken)`);
    expect(shown.out).toContain('each_group.1');
  });
});

describe('a family with more entries than are shown at a time', () => {
  const place = setup();

  test('is shown page by page, and each page names the next one', { timeout: 120_000 }, async () => {
    const many = `---
runbook: many
params: { items: { type: array, items: { type: integer } } }
---
## Each { name=each_item each="params.items" max=100% }

${['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `\`\`\`js { name=${name} when="false" }\nexport default () => 1;\n\`\`\`\n`).join('')}`;
    await place.write('many.md', many);
    const items = JSON.stringify(Array.from({ length: 140 }, (_, index) => index));
    expect(await place.pawl('run', 'many.md', '--instance', 'many', '-p', `items=${items}`)).toMatchObject({ exit: 0 });
    const first = await place.pawl('journal', 'many', '--family', '--json');
    expect(first.json).toMatchObject({ next: limits.familyEntriesMax, unreadable: [] });
    expect(first.json.entries).toHaveLength(limits.familyEntriesMax);
    const told = await place.pawl('journal', 'many', '--family');
    expect(told.out).toMatch(/\n1000 entries are shown at a time \(familyEntriesMax\)\. More: add `--skip 1000`\.\n$/);
    const rest = await place.pawl('journal', 'many', '--family', '--skip', '1000', '--json');
    expect(rest.json.next).toBeNull();
    const seen = [...(first.json.entries as Told[]), ...(rest.json.entries as Told[])];
    const names = new Set(seen.map(({ instanceId, seq }) => `${instanceId} ${seq}`));
    expect(names.size).toBe(seen.length);
    expect(seen.at(-1)).toMatchObject({ instanceId: 'many', kind: 'outcome' });
    expect(new Set(seen.map(({ instanceId }) => instanceId)).size).toBe(141);
  });
});

describe('the journals of a family in one', () => {
  type Written = Partial<Entry> & { kind: Entry['kind']; atMs: number };
  /** Journals as they are written here; what asks for one that is not there is refused. */
  const reading = (journals: Record<string, Written[]>) => {
    const asked: string[] = [];
    const journal: Client['journal'] = async ({ path: { instanceId }, query: { after = -1 } = {} }) => {
      asked.push(`${instanceId} ${after}`);
      const all = journals[instanceId];
      if (all === undefined) throw new PawlError('instance.unknown', 'There is none.');
      const entries = all.map((entry, seq) => ({ state: { ended: null }, ...entry, instanceId, seq }) as Entry);
      // Two at a time, so that pages are turned.
      const page = entries.slice(after + 1, after + 3);
      const last = page.at(-1)?.seq ?? after;
      return { entries: page, next: last + 1 < entries.length ? last : null } as Awaited<ReturnType<Client['journal']>>;
    };
    return { asked, family: createFamilyJournal({ journal } as Client, 'p') };
  };
  const opens = { cell: 'all', visit: 1, each: { count: 3, max: 3, stopAfter: 1 } } as Partial<Entry>;
  const told = async ({ family }: ReturnType<typeof reading>): Promise<string[]> => {
    const names: string[] = [];
    for await (const entry of family.more()) names.push(`${entry.instanceId} ${entry.seq}`);
    return names;
  };
  const spawns = (spawned: number, atMs: number): Written =>
    ({ kind: 'progress', about: 1, cell: 'all', spawned, ended: [], atMs }) as unknown as Written;

  test('an element never stands before the entry that let it begin, whatever the clocks said, and is not read before it', async () => {
    const one = reading({
      p: [{ kind: 'started', atMs: 10 }, { ...opens, kind: 'waiting', atMs: 20 }, spawns(1, 50), spawns(2, 60)],
      'p~all.0': [
        { kind: 'started', atMs: 40 },
        { kind: 'reserved', atMs: 55 },
        { kind: 'outcome', atMs: 70 },
      ],
      'p~all.1': [{ kind: 'started', atMs: 65 }],
    });
    expect(await told(one)).toEqual(['p 0', 'p 1', 'p 2', 'p~all.0 0', 'p~all.0 1', 'p 3', 'p~all.1 0', 'p~all.0 2']);
    expect(one.asked).not.toContain('p~all.2 -1');
    expect(one.family.unreadable).toEqual([]);
  });

  test('one that may begin and did not is asked for again; what stands was told once', async () => {
    const journals: Record<string, Written[]> = {
      p: [{ kind: 'started', atMs: 10 }, { ...opens, kind: 'waiting', atMs: 20 }, spawns(1, 30)],
    };
    const one = reading(journals);
    expect(await told(one)).toEqual(['p 0', 'p 1', 'p 2']);
    journals['p~all.0'] = [{ kind: 'started', atMs: 40 }];
    expect(await told(one)).toEqual(['p~all.0 0']);
    expect(await told(one)).toEqual([]);
  });
});
