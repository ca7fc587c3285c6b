/** What the command line says of places: what is missing here, what belongs elsewhere, and whom an instance waits for. */
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createStore } from '../../src/store/index.ts';
import { openFolder } from '../../src/store/local.ts';
import { at, type Ended, setup } from './support.ts';

const place = setup();
const documentOf = (runbook: string, at = '"{{ params.site }}"'): string => `---
runbook: ${runbook}
title: Needs and places
needs: { programs: [kubectl18], env: [KUBECONFIG18] }
params:
  site: { type: string, default: bastion }
---
\`\`\`sh { name=one }
kubectl18 > "$PAWL_OUTPUT"
\`\`\`
\`\`\`sh { name=two at=${at} }
kubectl18 > "$PAWL_OUTPUT"
\`\`\`
`;

/** As this machine has them. */
const provide = async (): Promise<Record<string, string>> => {
  const bin = join(place.folder, 'bin');
  await mkdir(bin, { recursive: true });
  await place.write('bin/kubectl18', '#!/bin/sh\necho {}\n');
  await chmod(join(bin, 'kubectl18'), 0o755);
  const allow = await place.write('allow18.json', '{"env":["KUBECONFIG18"]}');
  return { PATH: `${bin}:${process.env.PATH}`, PAWL_ALLOW: allow, KUBECONFIG18: '/etc/kube' };
};
const pawl = (args: string[], env: Record<string, string> = {}): Promise<Ended> => place.pawlWith(env)(...args);

/** A heartbeat at a place, as a worker there writes it. */
const beat = async (at: string, lacks: string[]): Promise<void> => {
  const tables = await openFolder(join(place.folder, 'data'));
  const { workers, marks } = createStore(tables.client, { clock: tables.clock, home: 'local' });
  await marks.due(0, 'local', 0); // The clock is the store's.
  const nowMs = tables.clock.nowMs();
  await workers.beat({
    ...{ place: at, id: `${at}:1-a`, host: at, pid: 1, version: '0.18.0', startedAtMs: nowMs, seenAtMs: nowMs },
    ...{ leftAtMs: null, concurrency: 1, running: 0, lacks },
  });
  tables.close();
};

const missing = ['program kubectl18 (looked in PATH)', 'env KUBECONFIG18, which allow.env of this place does not list'];

describe('what is missing here', () => {
  test('`check --here` says it cell by cell, what would have to be allowed, and exits with 3', async () => {
    await place.write('needs.md', documentOf('needs'));
    const { exit, out } = await pawl(['check', '--here', 'needs.md'], { PATH: '/nowhere:bin:/nowhere/else' });
    expect(exit).toBe(3);
    expect(out).toContain(`Missing here (local):\n${missing.map((one) => `  one: ${one}\n`).join('')}`);
    expect(out).toContain('  Programs are looked for in /nowhere, /nowhere/else.\n');
    expect(out).toContain('  The allow file of this place would have to list env: KUBECONFIG18.\n');
    expect(out).toContain('At bastion: two (it waits for a worker there');
    const { json } = await pawl(['check', '--here', 'needs.md', '--json']);
    expect(at(json, 'files', 0, 'here')).toMatchObject({
      place: 'local',
      missing: [{ cell: 'one', missing }],
      allowEnv: ['KUBECONFIG18'],
      elsewhere: [{ place: 'bastion', cells: ['two'] }],
    });
    // Without it documents alone are looked at.
    expect(await pawl(['check', 'needs.md', '--json'])).toMatchObject({
      exit: 0,
      json: { files: [expect.not.objectContaining({ here: expect.anything() })] },
    });
  });

  test('secrets that cannot be had are missing too, and nothing is made to look for them', async () => {
    const fence = '```sh { name=one uses=TOKEN }\ntrue\n```\n';
    const source = `---\nrunbook: hidden\nsecrets:\n  TOKEN: { from: "file:${place.folder}/token18" }\n---\n${fence}`;
    await place.write('hidden.md', source);
    const { exit, out } = await pawl(['check', '--here', 'hidden.md', '--data', 'nowhere18']);
    expect(exit).toBe(3);
    expect(out).toContain(
      `one: secret TOKEN (file:${place.folder}/token18), which allow.secrets of this place does not`,
    );
    expect(await place.read('nowhere18/secrets.key')).toBe('');
    const run = await pawl(['run', 'hidden.md']);
    expect(run).toMatchObject({ exit: 3, out: expect.stringContaining('Missing here (local):') });
  });

  test('where all is here it says so, and exits with 0; at another place its own cells are looked at', async () => {
    await place.write('needs.md', documentOf('needs'));
    const env = await provide();
    const { exit, out } = await pawl(['check', '--here', 'needs.md'], env);
    expect(exit).toBe(0);
    expect(out).toContain('Nothing is missing here (local).');
    const there = await pawl(['check', '--here', 'needs.md', '--json'], { PAWL_PLACE: 'bastion' });
    expect(at(there.json, 'files', 0, 'here')).toMatchObject({
      place: 'bastion',
      missing: [{ cell: 'one' }, { cell: 'two' }],
      elsewhere: [],
    });
  });

  test('a place that parameters decide stays open where they are not given; `plan` has them', async () => {
    await place.write('open.md', documentOf('open').replace(', default: bastion', ''));
    expect((await pawl(['check', '--here', 'open.md'])).out).toContain('Parameters decide where: 1 cell (two).');
    const { exit, out } = await pawl(['plan', 'open.md', '-p', 'site=edge']);
    expect(exit).toBe(0);
    expect(out).toContain('Missing here (local):');
    expect(out).toContain('At edge: two (it waits for a worker there');
    const { json } = await pawl(['plan', 'open.md', '-p', 'site=edge', '--json']);
    expect(json.here).toMatchObject({ missing: [{ cell: 'one', missing }], elsewhere: [{ place: 'edge' }], open: [] });
  });

  test('a run and a start say it, and go on all the same', async () => {
    await place.write('goes.md', documentOf('goes'));
    const run = await pawl(['run', 'goes.md', '--instance', 'goes-1']);
    expect(run.exit).toBe(3);
    expect(run.out).toContain('Missing here (local):');
    expect(run.out).toContain('Parked: one waits for a worker at local that has what is missing here:');
    const started = await pawl(['start', 'goes', '--instance', 'goes-2', '--json']);
    expect(started).toMatchObject({ exit: 0, json: { created: true, here: { missing: [{ cell: 'one', missing }] } } });
    expect((await pawl(['status', 'goes-2'])).out).toContain(`Parked: one waits for a worker at local that has`);
  });

  test('a variable that need not be set is handed on where it is, and then has to be allowed', async () => {
    const fence = '```sh { name=one }\nprintf \'"%s"\' "${PROFILE18-none}" > "$PAWL_OUTPUT"\n```\n';
    await place.write('open18.md', `---\nrunbook: open18\nneeds: { env: [PROFILE18?] }\n---\n${fence}`);
    const outputWith = async (env: Record<string, string>) =>
      at((await pawl(['run', 'open18.md', '--json'], env)).json, 'cells', 0, 'output');
    expect(await outputWith({})).toBe('"none"');
    const allow = await place.write('allow-open.json', '{"env":["PROFILE18"]}');
    expect(await outputWith({ PROFILE18: 'blue', PAWL_ALLOW: allow })).toBe('"blue"');
    const { exit, out } = await pawl(['check', '--here', 'open18.md'], { PROFILE18: 'blue' });
    expect(exit).toBe(3);
    expect(out).toContain('  one: env PROFILE18, which allow.env of this place does not list\n');
    expect(out).toContain('  The allow file of this place would have to list env: PROFILE18.\n');
    expect((await pawl(['check', '--here', 'open18.md'])).exit).toBe(0);
  });

  test('a runbook that asks nothing of its place is told nothing of it', async () => {
    await place.write('plain.md', '---\nrunbook: plain\ntitle: Plain\n---\n```sh { name=one }\ntrue\n```\n');
    const { out, json } = await pawl(['run', 'plain.md', '--json']);
    expect(json.here).toBeNull();
    expect(out).not.toContain('issing here');
  });
});

describe('an instance that waits for another place', () => {
  test('is not ready: status, list, and who is at that place', async () => {
    await place.write('waits.md', documentOf('waits'));
    const env = await provide();
    const { exit, out } = await pawl(['run', 'waits.md', '--instance', 'waits-1'], env);
    expect(exit).toBe(3);
    expect(out).toContain('Parked: two is waiting for a worker at bastion; never seen.');
    const status = await pawl(['status', 'waits-1']);
    expect(status.out).toMatch(/^waiting for a worker at bastion, drive auto, /m);
    expect((await pawl(['list', '--runbook', 'waits'])).out).toMatch(/^a worker at bastion +two .* waits-1$/m);
    await beat('bastion', missing);
    expect((await pawl(['status', 'waits-1'])).out).toContain(
      'Parked: two is waiting for a worker at bastion that has kubectl18 and KUBECONFIG18; 1 worker alive.',
    );
    expect((await pawl(['status', 'waits-1', '--json'])).json.manned).toMatchObject({
      lacking: ['program kubectl18', 'env KUBECONFIG18'],
    });
    // What others lacked is no need of this cell.
    await beat('bastion', ['program kubectl18-admin (looked in PATH)']);
    expect((await pawl(['status', 'waits-1'])).out).toContain('a worker at bastion; 1 worker alive.');
  });

  test('from another place it says that the next cell is left to the first, and how to be that', async () => {
    const fence = (name: string, more = '') => `\`\`\`sh { name=${name} ${more} }\ntrue\n\`\`\`\n`;
    await place.write('left.md', `---\nrunbook: left\n---\n${fence('one')}${fence('two', 'at=any')}`);
    await pawl(['publish', 'left.md']);
    await pawl(['start', 'left', '--instance', 'left-1']);
    const edge = { PAWL_PLACE: 'edge' };
    expect((await pawl(['status', 'left-1'])).out).toContain('Next: one: `pawl advance left-1`');
    const { out } = await pawl(['status', 'left-1'], edge);
    expect(out).toContain('Next: one, at local: `pawl advance left-1`');
    expect(out).toContain('This is another place: PAWL_PLACE=local says that this machine is it.');
    expect((await pawl(['advance', 'left-1'], edge)).exit).toBe(3);
    await pawl(['advance', 'left-1']);
    // What any place may do is told as ever.
    expect((await pawl(['status', 'left-1'], edge)).out).toContain('Next: two: `pawl advance left-1`');
  });

  test('only people drive it: the next step says where', async () => {
    await place.write('driven.md', documentOf('driven', 'edge').replace('{ name=one }', '{ name=one at=edge }'));
    await pawl(['publish', 'driven.md']);
    const { out } = await pawl(['start', 'driven', '--instance', 'driven-1']);
    expect(out).toContain('Next: one, at edge: `pawl advance driven-1`');
  });
});
