/** The procedures of clusters: etcd, Elasticsearch, and a release in front of one. */
import { describe, expect, test, vi } from 'vitest';
import { expectPermitted, type Witnessed } from './permitted.ts';
import { type Kill, type Played, type Procedure, play, playedWithinMs } from './play.ts';
import type { Serve } from './stage.ts';

vi.setConfig({ testTimeout: playedWithinMs });

describe.concurrent('etcd_defrag', () => {
  const members = ['etcd-0', 'etcd-1', 'etcd-2'];
  const procedure: Procedure = {
    name: 'etcd_defrag',
    programs: ['kubectl'],
    world: { 'etcd/etcd-0': '9000', 'etcd/etcd-1': '5000', 'etcd/etcd-2': '9000', alarm: 'NOSPACE' },
    params: { members },
  };
  const witnessed = { cells: ['disarm'], elements: { each_member: ['defrag'] } };
  const defragmentedIn = ({ effects }: Played): string[] =>
    effects.flatMap((call) => / exec (\S+) .* defrag /.exec(call)?.[1] ?? []);

  test('one member after the other, the leader last', async (context) => {
    const played = await play(context, procedure);
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, [], witnessed);
    expect(defragmentedIn(played)).toEqual(['etcd-1', 'etcd-2', 'etcd-0']);
    expect(members.map((one) => played.stage.world.read(`etcd/${one}`))).toEqual(['1100', '1100', '1100']);
    expect(played.stage.world.read('alarm')).toBeNull();
  });

  test('nothing to do: it ends before it does anything', async (context) => {
    const world = { 'etcd/etcd-0': '1100', 'etcd/etcd-1': '1100', 'etcd/etcd-2': '1100' };
    const played = await play(context, { ...procedure, world });
    expect(played.result).toBe('completed');
    expect(played.effects).toEqual([]);
  });

  test('killed in two members and at the alarm: a person decides each by itself, its policy the alarm', async (context) => {
    const kills: Kill[] = [
      {
        when: 'before',
        what: '* exec etcd-1 * defrag *',
        element: 'each_member.0',
        cell: 'defrag',
        verdict: ['--retry'],
      },
      {
        when: 'after',
        what: '* exec etcd-2 * defrag *',
        element: 'each_member.1',
        cell: 'defrag',
        verdict: ['--succeeded'],
      },
      { when: 'before', what: '* alarm disarm', cell: 'disarm' },
    ];
    const played = await play(context, procedure, kills);
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, kills, witnessed);
    expect(defragmentedIn(played)).toEqual(['etcd-1', 'etcd-2', 'etcd-0']);
    expect(played.stage.world.read('alarm')).toBeNull();
  });
});

describe.concurrent('es_rolling_restart', () => {
  const nodes = ['es-1', 'es-2', 'es-3'];
  /** Green while shards may move, and yellow while they may not and for one look more. */
  const serve: Serve = ({ method, path, body }, world) => {
    if (method === 'PUT' && path === '/_cluster/settings') {
      world.write('settings', body.replaceAll(/\s+/g, ' '));
      return { status: 200, body: { acknowledged: true } };
    }
    if (path.startsWith('/_nodes/')) {
      const looks = Number(world.read('back')) + 1;
      world.write('back', String(looks));
      return { status: 200, body: { nodes: looks > 1 ? { id: { name: path.split('/')[2] } } : {} } };
    }
    const isGreen = world.read('settings')?.includes('primaries') !== true;
    return { status: 200, body: { status: isGreen ? 'green' : 'yellow' } };
  };
  const procedure: Procedure = {
    name: 'es_rolling_restart',
    programs: ['ssh'],
    serve,
    world: {},
    params: { es: 'BASE' },
  };
  const witnessed = { cells: [], elements: { restarts: ['off', 'restart', 'on'] } };
  /** The second node failed, and was gone on with. */
  const takenBack: Witnessed = {
    cells: [],
    elements: { ...witnessed.elements, 'restarts.1': ['off', 'undo_off'] },
    ends: { 'restarts.1': 'failed' },
  };
  const restartedIn = ({ stage }: Played): (string | null)[] =>
    nodes.map((node) => stage.world.read(`hosts/${node}/restarts`));

  test('one node after the other, and shards may move again between them', async (context) => {
    const played = await play(context, procedure);
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, [], witnessed);
    const setting = 'PUT /_cluster/settings';
    expect(played.effects).toEqual(
      nodes.flatMap((node) => [setting, `ssh -n ${node} systemctl restart elasticsearch`, setting]),
    );
    expect(restartedIn(played)).toEqual(['1', '1', '1']);
    expect(played.stage.world.read('settings')).toContain('null');
  });

  test('killed at a restart of which a person says that it failed and where it is taken back: shards may move, and then it goes on', async (context) => {
    const kills: Kill[] = [
      {
        when: 'before',
        what: 'ssh -n es-2 systemctl restart*',
        element: 'restarts.1',
        cell: 'restart',
        verdict: ['--failed'],
      },
      { when: 'after', what: 'PUT /_cluster/settings', element: 'restarts.1', cell: 'undo_off' },
    ];
    let between: string | null = null;
    const given: Procedure = {
      ...procedure,
      halts: {
        restarts: {
          mend: (world) => {
            between = world.read('settings');
          },
          command: 'verdict',
          options: ['--retry'],
        },
      },
    };
    const played = await play(context, given, kills);
    expect(played.result).toBe('completed');
    expectPermitted(given, played, kills, takenBack);
    expect(between).toContain('null');
    expect(restartedIn(played)).toEqual(['1', '1', '1']);
    expect(played.stage.world.read('settings')).toContain('null');
  });

  test('cancelled amid a restart, and killed again in what runs then: shards may move, and no further node begins', async (context) => {
    const kills: Kill[] = [
      {
        when: 'after',
        what: 'ssh -n es-2 systemctl restart*',
        element: 'restarts.1',
        cell: 'restart',
        verdict: ['--succeeded'],
        cancels: true,
      },
      { when: 'after', what: 'PUT /_cluster/settings', element: 'restarts.1', cell: 'on' },
    ];
    const played = await play(context, procedure, kills);
    expect(played.result).toBe('cancelled');
    expectPermitted(procedure, played, kills, { ...witnessed, ends: { 'restarts.1': 'cancelled' } });
    expect(restartedIn(played)).toEqual(['1', '1', null]);
    expect(played.stage.world.read('settings')).toContain('null');
  });

  test('killed at a setting and at a restart that both have happened: the setting again by its policy, the restart not', async (context) => {
    const kills: Kill[] = [
      { when: 'after', what: 'PUT /_cluster/settings', element: 'restarts.0', cell: 'off' },
      {
        when: 'after',
        what: 'ssh -n es-2 systemctl restart*',
        element: 'restarts.1',
        cell: 'restart',
        verdict: ['--succeeded'],
      },
    ];
    const played = await play(context, procedure, kills);
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, kills, witnessed);
    expect(restartedIn(played)).toEqual(['1', '1', '1']);
    expect(played.stage.world.read('settings')).toContain('null');
  });

  test('a node that does not answer takes itself back and holds the others up, until somebody has looked at it', async (context) => {
    const stood: (string | null)[] = [];
    const stubborn: Procedure = {
      ...procedure,
      world: { 'refuse-ssh': 'es-2' },
      halts: {
        restarts: {
          mend: (world) => {
            stood.push(world.read('settings'), world.read('hosts/es-3/restarts'));
            world.remove('refuse-ssh');
          },
          command: 'verdict',
          options: ['--retry'],
        },
      },
    };
    const played = await play(context, stubborn);
    expect(played.result).toBe('completed');
    expectPermitted(stubborn, played, [], takenBack);
    // While it stood, shards were free to move, and the third had not begun.
    expect(stood).toEqual([expect.stringContaining('null'), null]);
    expect(restartedIn(played)).toEqual(['1', '1', '1']);
    expect(played.stage.world.read('settings')).toContain('null');
  });
});

describe.concurrent('canary', () => {
  const serve: Serve = ({ method, path, body }, world) => {
    if (method === 'PUT' && path === '/weight') {
      const refusals = Number(world.read('deaf') ?? 0);
      if (refusals > 0) world.write('deaf', String(refusals - 1));
      if (refusals > 0) return { status: 422 };
      world.write('weight', String(JSON.parse(body).canary));
      return { status: 200, body: {} };
    }
    const burn = world.read('burn');
    return burn === null ? { status: 503 } : { status: 200, body: { value: Number(burn) } };
  };
  const procedure: Procedure = {
    name: 'canary',
    programs: ['helm'],
    serve,
    world: { burn: '0.4', history: 'v1' },
    params: { release: 'v2', chart: 'oci://charts.example/api', base: 'BASE' },
  };
  const takenBack = { cells: ['install', 'shift_some', 'undo_shift_some', 'undo_install'] };
  const thereAndBack = [
    'helm upgrade api-canary oci://charts.example/api --set release=v2 --atomic',
    'PUT /weight',
    'PUT /weight',
    'helm rollback api-canary 1',
  ];
  const expectPutBack = ({ stage: { world } }: Played): void => {
    expect(world.read('weight')).toBe('0');
    expect(world.read('history')?.split('\n')).toEqual(['v1', 'v2', 'v1']);
  };

  test.for([
    ['too many errors', { burn: '2.5', history: 'v1' }],
    ['no number at all', { history: 'v1' }],
  ] as [string, Record<string, string>][])(
    '%s: the traffic goes back first, then the release, and nothing stays',
    async ([, world], context) => {
      const bad = { ...procedure, world };
      const played = await play(context, bad);
      expect(played.result).toBe('rolled_back');
      expectPermitted(bad, played, [], takenBack);
      expect(played.effects).toEqual(thereAndBack);
      expectPutBack(played);
    },
  );

  test('a router that takes no weight: what was installed is taken back, by nobody', async (context) => {
    const deaf = { ...procedure, world: { ...procedure.world, deaf: '3' } };
    const played = await play(context, deaf);
    expect(played.result).toBe('rolled_back');
    expectPermitted(deaf, played, [], { cells: ['install', 'undo_shift_some', 'undo_install'] });
    expectPutBack(played);
  });

  test('killed when the traffic was taken back and before the release was: each once more, and nothing stays', async (context) => {
    const bad = { ...procedure, world: { burn: '2.5', history: 'v1' } };
    const kills: Kill[] = [
      { when: 'after', what: 'PUT /weight', cell: 'undo_shift_some' },
      { when: 'before', what: 'helm rollback *', cell: 'undo_install' },
    ];
    const played = await play(context, bad, kills);
    expect(played.result).toBe('rolled_back');
    expectPermitted(bad, played, kills, takenBack);
    expect(played.effects).toEqual(thereAndBack);
    expectPutBack(played);
  });

  test('killed when it was installed and when all traffic was its own: installed once, promoted', async (context) => {
    const kills: Kill[] = [
      { when: 'after', what: 'helm upgrade *', cell: 'install' },
      { when: 'after', what: 'PUT /weight', cell: 'promote' },
    ];
    const played = await play(context, procedure, kills);
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, kills, { cells: ['install', 'shift_some', 'promote'] });
    expect(played.stage.world.read('weight')).toBe('100');
    expect(played.stage.world.read('history')?.split('\n')).toEqual(['v1', 'v2']);
  });
});
