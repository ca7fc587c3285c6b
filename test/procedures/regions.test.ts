/** The procedures of accounts, people and regions. */
import { describe, expect, test, vi } from 'vitest';
import { role } from './aws.ts';
import { expectHidden, expectPermitted } from './permitted.ts';
import { type Kill, type Played, type Procedure, play, playedWithinMs, voter } from './play.ts';
import type { Serve } from './stage.ts';

vi.setConfig({ testTimeout: playedWithinMs });

describe.concurrent('dr_failover', () => {
  const serve: Serve = ({ body }, world) => {
    world.write('routing', body);
    return { status: 200, body: {} };
  };
  const procedure: Procedure = {
    name: 'dr_failover',
    programs: ['aws', 'kubectl', 'psql', 'curl'],
    serve,
    world: { 'rds/orders-dr': 'available orders -', lag: '12.0', recovery: 't', 'open/sg-0ld': 'tcp 5432' },
    params: {
      id: 'DR-20261129-drill',
      region: 'eu-central-1',
      replica: 'orders-dr',
      old_region: 'eu-west-1',
      old_group: 'sg-0ld',
      zone: 'Z1',
      cname: 'orders.example',
      endpoint: 'orders-dr.example',
      old_answers: true,
      role,
      lb: 'BASE',
    },
    people: {
      declared: 'T0 was 10:02',
      gate_1: [voter('bob', 'ic'), voter('olga', 'owner')],
      more_loss: [voter('eve', 'exec')],
      waiver: 'the incident commander, since nothing answers there',
      gate_2: [voter('bob', 'ic'), voter('dan', 'dba')],
      gate_3: [voter('bob', 'ic'), voter('amy', 'app')],
    },
  };
  const cells = ['fence', 'promote', 'dns', 'open'];
  const elements = { pods: ['roll'] };

  test('a region that is lost is not fenced but waived, and a lag that is too long asks a further person', async (context) => {
    const params = { ...procedure.params, old_answers: false, rpo_seconds: 5 };
    const played = await play(context, { ...procedure, params });
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, [], { cells: cells.slice(1), elements });
    expect(played.effects.map((call) => call.split(' ').slice(0, 3).join(' '))).toEqual([
      'rds PromoteReadReplica orders-dr',
      'route53 ChangeResourceRecordSets Z1',
      'kubectl --context new',
      'kubectl --context new',
      'kubectl --context new',
      'PUT /routing',
    ]);
    expect(played.stage.world.read('rds/orders-dr')).toBe('modifying None -');
    expect(played.stage.world.read('dns')).toContain('<Value>orders-dr.example</Value>');
    expect(played.stage.world.list('rolled')).toEqual(['apis', 'pools', 'workers']);
    const voted = played.entries.flatMap((entry) => (entry.kind === 'vote' ? [entry.cell] : []));
    expect(voted).toEqual(['gate_1', 'gate_1', 'more_loss', 'gate_2', 'gate_2', 'gate_3', 'gate_3']);
  });

  test('killed in the middle of the fence and at the promotion: a person and a probe say how to go on', async (context) => {
    const kills: Kill[] = [
      { when: 'after', what: 'kubectl --context old *', cell: 'fence', verdict: ['--retry'] },
      { when: 'after', what: 'rds PromoteReadReplica *', cell: 'promote' },
    ];
    const played = await play(context, procedure, kills);
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, kills, { cells, elements, several: ['fence'] });
    expect(played.effects.filter((call) => call.includes('Promote'))).toHaveLength(1);
    expect(played.stage.world.list('open')).toEqual([]);
    expect(played.stage.world.read('routing')).toContain('"new": "on"');
  });

  test('gate 2 is refused and somebody gives it up, killed while the old region is opened: it is as it was', async (context) => {
    const refused: Procedure = {
      ...procedure,
      people: { ...procedure.people, gate_2: [voter('bob', 'ic', true)] },
      halts: { gate_2: { command: 'undo' } },
    };
    const kills: Kill[] = [{ when: 'after', what: 'aws ec2 authorize-security-group-ingress *', cell: 'undo_fence' }];
    const played = await play(context, refused, kills);
    expect(played.result).toBe('rolled_back');
    expectPermitted(refused, played, kills, { cells: ['fence', 'undo_fence'], several: ['fence', 'undo_fence'] });
    expect(played.effects.map((call) => call.split(' ').slice(0, 5).join(' '))).toEqual([
      'kubectl --context old -n app',
      'aws ec2 revoke-security-group-ingress --region eu-west-1',
      'aws ec2 authorize-security-group-ingress --region eu-west-1',
      'kubectl --context old -n app',
    ]);
    expect(played.stage.world.read('open/sg-0ld')).toBe('tcp 5432');
    expect(played.stage.world.read('scaled')).toBe('3');
    expect(played.stage.world.read('rds/orders-dr')).toBe('available orders -');
  });

  test('given up behind gate 2: nobody opens the old region before somebody answers for it', async (context) => {
    const stuck: Procedure = {
      ...procedure,
      world: { ...procedure.world, 'refuse/ChangeResourceRecordSets': Array(3).fill('400 Throttling').join('\n') },
      people: { ...procedure.people, undo_promote: { failed: 'orders are written to it' } },
      halts: { dns: { command: 'undo' } },
    };
    const played = await play(context, stuck);
    expect(played.result).toBe('halted at undo_promote');
    expect(played.stage.world.list('open')).toEqual([]);
    expect(played.stage.world.read('scaled')).toBe('0');
  });

  test('killed when the name was pointed to it and in a tier, with services that are too busy first: said again, and once', async (context) => {
    const refused = { 'refuse/GetMetricStatistics': '400 Throttling', 'refuse/PromoteReadReplica': '400 Throttling' };
    const kills: Kill[] = [
      { when: 'before', what: 'rds PromoteReadReplica *', cell: 'promote' },
      { when: 'after', what: 'route53 ChangeResourceRecordSets *', cell: 'dns' },
      { when: 'after', what: 'kubectl * rollout restart * tier=apis', element: 'pods.1', cell: 'roll' },
    ];
    const played = await play(context, { ...procedure, world: { ...procedure.world, ...refused } }, kills);
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, kills, { cells, elements });
    expect(played.effects.filter((call) => call.includes('Promote'))).toHaveLength(1);
    expect(played.stage.world.read('dns')).toContain('<Value>orders-dr.example</Value>');
  });
});

describe.concurrent('ebs_cleanup', () => {
  const procedure: Procedure = {
    name: 'ebs_cleanup',
    programs: ['aws'],
    world: { 'volumes/vol-1': '8', 'volumes/vol-2': '8', 'volumes/vol-3': '8' },
    params: {},
    people: { agree: [voter('bob', 'sre')] },
  };
  const witnessed = { cells: [], elements: { keep: ['snapshot'], delete: ['delete_one'] } };
  const madeIn = (snapshots: string | null): (string | undefined)[] =>
    (snapshots ?? '')
      .split('\n')
      .map((line) => line.split(' ')[1])
      .sort();

  test('each disk has a snapshot before the first is deleted', async (context) => {
    const played = await play(context, procedure);
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, [], witnessed);
    const effects = played.effects.map((call) => call.split(' ').slice(2, 5).join(' '));
    const ids = ['vol-1', 'vol-2', 'vol-3'];
    expect(effects.slice(0, 3).sort()).toEqual(ids.map((id) => `create-snapshot --volume-id ${id}`));
    expect(effects.slice(3).sort()).toEqual(ids.map((id) => `delete-volume --volume-id ${id}`));
    expect(played.stage.world.list('volumes')).toEqual([]);
  });

  test('too many disks are no clean-up: it halts before anybody is asked', async (context) => {
    const played = await play(context, { ...procedure, params: { at_most: 2 } });
    expect(played.result).toBe('halted at list');
    expect(played.effects).toEqual([]);
  });

  test('killed amid the snapshots and amid the deletions: one snapshot of each, and all are gone', async (context) => {
    const kills: Kill[] = [
      { when: 'after', what: 'aws ec2 create-snapshot --volume-id vol-2 *', element: 'keep.1', cell: 'snapshot' },
      { when: 'before', what: 'aws ec2 delete-volume --volume-id vol-2', element: 'delete.1', cell: 'delete_one' },
    ];
    const played = await play(context, procedure, kills);
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, kills, witnessed);
    expect(madeIn(played.stage.world.read('snapshots'))).toEqual(['vol-1', 'vol-2', 'vol-3']);
    expect(played.stage.world.list('volumes')).toEqual([]);
  });
});

describe.concurrent('gdpr_erasure', () => {
  const token = 'token-that-nobody-may-see';
  const serve: Serve = ({ method, path, body, key, authorization }, world) => {
    const [, what = '', id = ''] = path.split('/');
    if (authorization !== `Bearer ${token}`) return { status: 401, body: {} };
    if (what === 'contacts') return { status: 200, body: { tenants: ['alpha', 'beta'] } };
    if (what === 'tenants') {
      if (world.read(`down/${id}`) !== null) return { status: 422, body: {} };
      world.write(`erased/${id}`, `${world.read(`erased/${id}`) ?? ''}x`);
      return { status: 201, body: {} };
    }
    if (method === 'POST') {
      world.write(`audit/${key.replaceAll('/', ',')}`, body);
      return { status: 201, body: {} };
    }
    const stands = world.read(`audit/${decodeURIComponent(id).replaceAll('/', ',')}`) !== null;
    return { status: stands ? 200 : 404, body: {} };
  };
  const procedure: Procedure = {
    name: 'gdpr_erasure',
    serve,
    world: { 'secrets/crm-token': token },
    params: { ticket: 'RT-7', contact: 4711, tenants: ['alpha', 'beta', 'gamma'], crm: 'BASE' },
    people: { agree: [voter('petra', 'privacy')], reply: 'told, and closed' },
  };
  const witnessed = { cells: ['audit'], elements: { erase: ['erase_one'] } };
  const auditedIn = ({ stage: { world } }: Played): unknown[] =>
    world.list('audit').map((name) => JSON.parse(world.read(`audit/${name}`) ?? '').tenants);

  test('every tenant erases once, and the auditor gets one record', async (context) => {
    const played = await play(context, procedure);
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, [], witnessed);
    expect(played.effects.toSorted()).toEqual([
      'POST /audit',
      ...['alpha', 'beta', 'gamma'].map((tenant) => `POST /tenants/${tenant}/erasures`),
    ]);
    expect(played.effects.at(-1)).toBe('POST /audit');
    expect(auditedIn(played)).toEqual([['alpha', 'beta', 'gamma']]);
    expectHidden(played, token);
  });

  test('killed amid the tenants, and when the record was written: the same keys again, and no second record', async (context) => {
    const kills: Kill[] = [
      { when: 'after', what: 'POST /tenants/beta/erasures', element: 'erase.1', cell: 'erase_one' },
      { when: 'after', what: 'POST /audit', cell: 'audit' },
    ];
    const played = await play(context, procedure, kills);
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, kills, witnessed);
    const { world } = played.stage;
    expect(world.list('erased').map((tenant) => world.read(`erased/${tenant}`))).toEqual(['x', 'x', 'x']);
    expect(world.list('audit')).toHaveLength(1);
    expectHidden(played, token);
    // They were asked again with the key that they know, and said so without doing it again.
    expect(played.calls.filter((call) => call === 'POST /tenants/beta/erasures')).toHaveLength(2);
  });

  test('a tenant that cannot do it keeps no other, and waits for somebody', async (context) => {
    const late: Procedure = {
      ...procedure,
      world: { ...procedure.world, 'down/alpha': 'yes' },
      halts: {
        'erase.0': {
          mend: (world) => {
            expect(world.list('erased')).toEqual(['beta', 'gamma']);
            world.remove('down/alpha');
          },
          command: 'verdict',
          options: ['--retry'],
        },
      },
    };
    const played = await play(context, late);
    expect(played.result).toBe('completed');
    expectPermitted(late, played, [], witnessed);
    expect(auditedIn(played)).toEqual([['alpha', 'beta', 'gamma']]);
  });

  test('a tenant that never will is given up: the run halts, and the auditor is told of the others', async (context) => {
    // What `pawl output` prints of it, which the test does not ask.
    const came = ['completed', 'cancelled', 'completed'].map((status, index) => ({
      item: ['alpha', 'beta', 'gamma'][index],
      status,
      output: null,
    }));
    const gone: Procedure = {
      ...procedure,
      world: { ...procedure.world, 'down/beta': 'yes' },
      halts: {
        'erase.1': { command: 'cancel' },
        erase: { command: 'verdict', options: ['--succeeded', '--output', JSON.stringify(came)] },
      },
    };
    const played = await play(context, gone);
    expect(played.result).toBe('completed');
    expectPermitted(gone, played, [], {
      ...witnessed,
      elements: { ...witnessed.elements, 'erase.1': [] },
      ends: { 'erase.1': 'cancelled' },
    });
    expect(auditedIn(played)).toEqual([['alpha', 'gamma']]);
  });
});

describe.concurrent('workspace_recover', () => {
  /** A desktop that neither a start nor a reboot helps. It answers one look too many with 429. */
  const serve: Serve = ({ method, path }, world) => {
    const [, , , step] = path.split('/');
    if (method === 'POST') {
      world.write('state', step === 'restore' || step === 'rebuild' ? 'AVAILABLE' : 'UNHEALTHY');
      return { status: 202, body: {} };
    }
    if (world.read('.asked') === null) {
      world.write('.asked', 'once');
      return { status: 429, headers: { 'retry-after': '1' }, body: { error: 'slower' } };
    }
    return { status: 200, body: { state: world.read('state') } };
  };
  const desktop = 'ws-0123456789';
  const procedure: Procedure = {
    name: 'workspace_recover',
    serve,
    world: { state: 'STOPPED' },
    params: { desktop, restore: true, rebuild: true, base: 'BASE' },
    people: { agree: [voter('bob', 'support')] },
  };
  const cells = ['start', 'do_reboot', 'do_restore'];
  const steps = ['start', 'reboot', 'restore'].map((step) => `POST /desktops/${desktop}/${step}`);

  test('goes as far as it has to and no further, and waits as long as it is asked to', async (context) => {
    const played = await play(context, procedure);
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, [], { cells });
    expect(played.effects).toEqual(steps);
    expect(played.stage.world.read('state')).toBe('AVAILABLE');
    const asked = played.entries.flatMap((entry) => (entry.kind === 'outcome' ? [entry.askedMs] : []));
    expect(asked).toContain(1_000);
  });

  test('killed when the reboot had come and before the restore did: one reboot, one restore', async (context) => {
    const kills: Kill[] = [
      { when: 'after', what: 'POST */reboot', cell: 'do_reboot', verdict: ['--succeeded', '--holder-gone'] },
      { when: 'before', what: 'POST */restore', cell: 'do_restore', verdict: ['--retry'] },
    ];
    const played = await play(context, procedure, kills);
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, kills, { cells });
    expect(played.effects).toEqual(steps);
    expect(played.stage.world.read('state')).toBe('AVAILABLE');
    // The first decision did not have to wait: the process that held the step is gone, and this is its machine.
    const decided = played.entries.filter((entry) => 'closedBy' in entry && entry.closedBy === 'person');
    expect(decided.map((entry) => ('cell' in entry ? [entry.cell, 'holderGone' in entry] : []))).toEqual(
      expect.arrayContaining([
        ['do_reboot', true],
        ['do_restore', false],
      ]),
    );
  });
});
