/** A runbook that runs another one for every element of a list. */
import { createHash } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import { expectPermitted } from './permitted.ts';
import { type Kill, type Played, type Procedure, play, playedWithinMs } from './play.ts';
import type { Serve } from './stage.ts';

vi.setConfig({ testTimeout: playedWithinMs });

describe.concurrent('before_change', () => {
  const backups = { orders: 'id,total\n1,10\n2,20', users: 'id,name\n1,ada', audit: 'id,what\n1,x\n2,y\n3,z' };
  const sha256 = (text: string): string => createHash('sha256').update(`${text}\n`).digest('hex');
  const keyOf = (text: string): string => decodeURIComponent(text).replaceAll('/', '+');
  /** Drills and announcements stand in the world under the keys with which they came. */
  const serve: Serve = ({ method, path, body, key }, world) => {
    if (path === '/drills/last') return { status: 200, body: { ageDays: 2 } };
    if (method === 'POST') {
      world.write(`${path.slice(1)}/${keyOf(key)}`, body);
      return { status: 201, body: { id: key } };
    }
    return { status: world.read(`drills/${keyOf(path.replace('/drills/by-key/', ''))}`) === null ? 404 : 200 };
  };
  const procedure: Procedure = {
    name: 'before_change',
    runs: ['restore_drill'],
    programs: ['gunzip'],
    serve,
    world: Object.fromEntries(Object.entries(backups).map(([name, text]) => [`backups/${name}.gz`, text])),
    params: {
      change: 'dropping the old schema',
      backups: Object.entries(backups).map(([name, text]) => ({
        path: `WORLD/backups/${name}.gz`,
        sha256: sha256(text),
      })),
      scratch: 'WORLD/scratch',
      base: 'BASE',
    },
  };
  const witnessed = { cells: ['announce'], elements: { drills: ['report'] } };
  /** The rows of each drill that was reported. */
  const drilledIn = ({ stage: { world } }: Played): unknown[] =>
    world.list('drills').map((name) => (JSON.parse(world.read(`drills/${name}`) ?? '') as { rows: number }).rows);
  const announcedIn = ({ stage: { world } }: Played): unknown[] =>
    world.list('announcements').map((name) => JSON.parse(world.read(`announcements/${name}`) ?? '') as unknown);
  const told = [{ text: 'dropping the old schema may begin', rows: [2, 1, 3] }];

  test('every backup is restored by a run of its own, and then the channel is told once', async (context) => {
    const played = await play(context, procedure);
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, [], witnessed);
    expect(drilledIn(played)).toEqual([2, 1, 3]);
    expect(announcedIn(played)).toEqual(told);
    const id = played.entries[0]?.instanceId ?? '';
    const { out } = await played.stage.pawl(['journal', id, '--family']);
    expect(out.match(/^drills\.\d(?= {2}0 .* started )/gm)).toEqual(['drills.0', 'drills.1', 'drills.2']);
    expect(out).toContain('drills completed');
    expect(played.stage.world.list('scratch/0')).toEqual([]);
  });

  test('killed in two of its runs and at the announcement: one goes on by its probe, one by its policy, the last by a person', async (context) => {
    const kills: Kill[] = [
      { when: 'after', what: 'POST /drills', element: 'drills.0', cell: 'report' },
      { when: 'before', what: 'gunzip -c *users.gz', element: 'drills.1', cell: 'restore' },
      { when: 'after', what: 'POST /announcements', cell: 'announce', verdict: ['--succeeded'] },
    ];
    const played = await play(context, procedure, kills);
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, kills, witnessed);
    expect(drilledIn(played)).toEqual([2, 1, 3]);
    expect(announcedIn(played)).toEqual(told);
  });

  test('a backup that does not restore: no further one begins, and nobody is told', async (context) => {
    const given: Procedure = {
      ...procedure,
      world: { ...procedure.world, 'backups/users.gz': 'id,name' },
      halts: { 'drills.1': { command: 'cancel' } },
    };
    const played = await play(context, given);
    expect(played.result).toBe('halted at drills');
    expect([...played.elements.keys()]).toEqual(['drills.0', 'drills.1']);
    expect(drilledIn(played)).toEqual([2]);
    expect(played.stage.world.list('.')).not.toContain('announcements');
  });
});
