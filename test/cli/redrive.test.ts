/** A store that goes away while a cell runs: the outcome is set aside on this machine, and `pawl redrive` records it. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createProxy } from '../support/proxy.ts';
import { dynamodb, hasDynamodb } from '../support/world.ts';
import { at, flat, setup, until } from './support.ts';

/** Tells that it began, then waits to be let go: by then the store is away. */
const document = `---
runbook: loses
title: Loses its store
params:
  file: { type: string }
---
\`\`\`sh { name=works timeout=10s }
echo "begun" >> "$PAWL_PARAM_FILE"
while [ ! -e "$PAWL_PARAM_FILE.go" ]; do sleep 0.05; done
echo '{"done": true}' > "$PAWL_OUTPUT"
\`\`\`
\`\`\`sh { name=after }
echo "after" >> "$PAWL_PARAM_FILE"
\`\`\`
`;

const place = setup();
/** The store goes away behind a proxy; the run has said where there is no DynamoDB. */
const remote = test.skipIf(!(await hasDynamodb()));
let proxy: Awaited<ReturnType<typeof createProxy>>;
let env: Record<string, string>;
const pawl = (...args: string[]) => place.pawlWith(env)(...args);
const folder = (): string => join(place.folder, 'data', 'unrecorded');
const waiting = (): Promise<string[]> => readdir(folder()).catch(() => []);

beforeAll(async () => {
  const { endpoint } = await dynamodb();
  if (endpoint === undefined) return;
  proxy = await createProxy(endpoint);
  const tables = `redrive-${process.pid}`;
  env = { PAWL_DYNAMODB_ENDPOINT: proxy.endpoint, PAWL_TABLES: tables, PAWL_TAKEOVER_GRACE_MS: '600000' };
  await place.write('loses.md', document);
});
afterAll(async () => await proxy?.close());

/** Runs until the outcome is set aside; the store is back then. */
const loseStore = async (instanceId: string): Promise<string> => {
  const file = `${instanceId}.txt`;
  const before = await waiting();
  const worker = place.begin(['run', 'loses.md', '--instance', instanceId, '-p', `file=${place.folder}/${file}`], {
    env,
  });
  await until('the cell to begin', async () => (await place.read(file)).startsWith('begun'));
  proxy.refuse(true);
  await place.write(`${file}.go`, '');
  const fresh = async () => (await waiting()).filter((name) => name.endsWith('.json') && !before.includes(name));
  await until('the outcome to be set aside', async () => (await fresh()).length > 0);
  proxy.refuse(false);
  const { exit, err } = await worker.ended;
  expect(exit).toBe(4);
  expect(err).toContain('pawl redrive');
  expect(err).toContain('"kind":"outcome.unrecorded"');
  const [name = ''] = await fresh();
  return name;
};

remote('set aside, listed, recorded as the outcome, removed; again changes nothing, and the run goes on', async () => {
  const name = await loseStore('lost');
  const text = await readFile(join(folder(), name), 'utf8');
  expect(JSON.parse(text)).toMatchObject({ instanceId: 'lost', about: 1, outcome: { status: 'completed' } });
  const status = await pawl('status', 'lost', '--json');
  expect(at(status.json, 'step', 'setAside')).toEqual([name]);

  const listed = await pawl('redrive', '--list', '--json');
  expect(listed).toMatchObject({ exit: 0, json: { waiting: [{ instanceId: 'lost', cell: 'works', seq: 1 }] } });
  expect(await waiting()).toEqual([name]);

  await writeFile(join(folder(), 'broken.json'), '{"v": 1');
  const redriven = await pawl('redrive');
  expect(redriven.exit).toBe(1);
  expect(redriven.out).toContain('lost  works, seq 1, completed: recorded as its outcome; now ready\n');
  expect(redriven.out).toMatch(/broken\.json\n {4}kept: This is no outcome of the failure queue/);
  expect(await waiting()).toEqual(['broken.json']);

  // The same text by another way, a message of the queue kept somewhere else: known, and left where it is.
  await place.write('copy.json', text);
  const again = await pawl('redrive', `${place.folder}/copy.json`, '--json');
  expect(again).toMatchObject({ exit: 0, json: { redriven: [{ result: 'known' }], kept: [] } });
  expect(await place.read('copy.json')).toBe(text);

  expect((await pawl('advance', 'lost', '--max-cells', 'all')).exit).toBe(0);
  expect(await place.read('lost.txt')).toBe('begun\nafter\n');
  const { out } = await pawl('journal', 'lost');
  expect(flat(out)).toMatch(/works completed, .+ — "set aside \d{4}-\S+Z by alice \(\S+\), redriven"/);

  // What belongs to another reservation is refused, and kept.
  const foreign = { ...JSON.parse(text), about: 3, outcome: { ...JSON.parse(text).outcome, closes: 3 } };
  await writeFile(join(folder(), 'broken.json'), JSON.stringify(foreign));
  const refused = await pawl('redrive', '--json');
  expect(refused).toMatchObject({ exit: 1, json: { kept: [{ error: { code: 'request.invalid' } }] } });
  expect(await waiting()).toEqual(['broken.json']);
});

remote('a store that is still away: everything is kept for later', async () => {
  await writeFile(join(folder(), 'other.json'), await place.read('copy.json'));
  proxy.refuse(true);
  const { exit, json } = await pawl('redrive', '--json');
  proxy.refuse(false);
  expect(exit).toBe(4);
  expect(at(json, 'error', 'code') ?? at(json, 'kept', 0, 'error', 'code')).toBe('store.unavailable');
  expect((await waiting()).sort()).toEqual(['broken.json', 'other.json']);
  // Back again: what the journal knows already is removed, what belongs to nothing is kept.
  const back = await pawl('redrive', '--all', '--json');
  expect(back).toMatchObject({ exit: 1, json: { redriven: [{ file: 'other.json', result: 'known' }], left: [] } });
  expect(await waiting()).toEqual(['broken.json']);
  await rm(join(folder(), 'broken.json'));
});

remote(
  'somebody has decided meanwhile: the verdict stands, what was set aside becomes a note, and the file goes',
  async () => {
    const name = await loseStore('late');
    const early = { ...env, PAWL_TAKEOVER_GRACE_MS: '1000' };
    const call = place.pawlWith(early);
    await until('the doubt', async () => (await call('doubts')).exit === 5);
    const { json } = await call('doubts', '--json');
    expect(json).toMatchObject({
      doubts: [{ instanceId: 'late', setAside: [name], commands: { redrive: 'pawl redrive' } }],
    });
    expect((await call('verdict', 'late', '--seq', '1', '--skip', '--reason', 'not needed')).exit).toBe(0);
    const { exit, out } = await pawl('redrive', name);
    expect({ exit, out }).toEqual({
      exit: 0,
      out: '  late  works, seq 1, completed: kept as a note: the step was closed otherwise; now ready\nRedriven 1 of 1 outcome.\n',
    });
    expect(await waiting()).toEqual([]);
    const journal = flat((await pawl('journal', 'late', '--notes')).out);
    expect(journal).toMatch(
      /2 \S+ outcome alice \S+ works: verdict by alice: skip — not needed fenced of works, seq 1,/,
    );
    expect(journal).toContain('output {"done": true}');
  },
);

remote(
  'what cannot be read stops none of the others; files that are named, and --all, exclude one another',
  async () => {
    await mkdir(join(folder(), 'a-folder.json'));
    await writeFile(join(folder(), 'b-cut.json.part'), '{"v"');
    await writeFile(join(folder(), 'c-known.json'), await place.read('copy.json'));
    const listed = await pawl('redrive', '--list');
    expect(listed.exit).toBe(0);
    expect(listed.out).toMatch(/a-folder\.json {2}Cannot read .+: it is a folder/);
    expect(listed.out).toContain('  lost  works, seq 1, completed  c-known.json\n');
    expect(listed.out).toMatch(/^1 file in .+ was cut off mid-write; inspect each\.\n {2}b-cut\.json\.part$/m);
    expect(await pawl('redrive', '--all', 'c-known.json')).toMatchObject({ exit: 2, out: '' });
    const { exit, json } = await pawl('redrive', '--json');
    expect(exit).toBe(1);
    expect(json).toMatchObject({
      redriven: [{ file: 'c-known.json', result: 'known' }],
      kept: [{ file: 'a-folder.json', error: { code: 'request.invalid' } }],
      unfinished: ['b-cut.json.part'],
    });
    expect((await waiting()).sort()).toEqual(['a-folder.json', 'b-cut.json.part']);
    const nowhere = await pawl('redrive', 'nowhere.json', '--json');
    expect(nowhere).toMatchObject({ exit: 1, json: { kept: [{ file: 'nowhere.json' }] } });
  },
);
