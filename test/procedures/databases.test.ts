/** The procedures of databases: restore, a new user, a new superuser. */
import { describe, expect, test, vi } from 'vitest';
import { awsSecrets, role } from './aws.ts';
import { expectHidden, expectPermitted } from './permitted.ts';
import { type Kill, type Played, type Procedure, play, playedWithinMs, voter } from './play.ts';

vi.setConfig({ testTimeout: playedWithinMs });

describe.concurrent('rds_restore', () => {
  const procedure: Procedure = {
    name: 'rds_restore',
    world: { 'rds/orders': 'available None old-data' },
    params: { db: 'orders', snapshot: 'snap-1', role },
    people: { traffic: 'it goes to the page of regret' },
  };
  const real: Procedure = { ...procedure, params: { ...procedure.params, dry_run: false } };

  const dryCells = ['restore', 'rename_old', 'rename_new', 'delete_copy'];
  const actionsIn = ({ effects }: Played): (string | undefined)[] => effects.map((call) => call.split(' ')[1]);
  const dryActions = ['RestoreDBInstanceFromDBSnapshot', 'ModifyDBInstance', 'ModifyDBInstance', 'DeleteDBInstance'];

  test('a dry run restores, renames twice, deletes the copy, and leaves the database alone', async (context) => {
    const played = await play(context, procedure);
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, [], { cells: dryCells });
    expect(actionsIn(played)).toEqual(dryActions);
    expect(played.stage.world.read('rds/orders')).toBe('available None old-data');
    expect(played.stage.world.list('rds')).toEqual(['orders']);
    for (const secret of awsSecrets) expectHidden(played, secret);
    // Every request that changed something came by a session that a reservation names.
    const did = played.noted.filter(({ kind }) => kind === 'did');
    expect(did.map(({ key }) => key.split('/')[3])).toEqual(dryCells);
  });

  test('asked too often, and broken off when it was done: what was refused is asked again, what is unclear is looked at', async (context) => {
    const refused = {
      'refuse/RestoreDBInstanceFromDBSnapshot': '400 Throttling',
      'refuse/ModifyDBInstance': '503 ServiceUnavailable!',
      'refuse/DescribeDBInstances': '500 InternalFailure',
      'refuse/DeleteDBInstance': '500 InternalFailure',
    };
    const played = await play(context, { ...procedure, world: { ...procedure.world, ...refused } });
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, [], { cells: dryCells });
    expect(actionsIn(played)).toEqual(dryActions);
    const ended = played.entries.flatMap((entry) =>
      entry.kind === 'outcome' && (entry.status === 'failed' || entry.status === 'unknown')
        ? [[entry.cell, entry.status]]
        : [],
    );
    expect(ended).toEqual([
      ['restore', 'failed'],
      ['rename_old', 'unknown'],
      ['delete_copy', 'unknown'],
    ]);
  });

  test('what a snapshot that is not there comes to is told, and nothing is renamed', async (context) => {
    const missing = '404 DBSnapshotNotFound\n404 DBSnapshotNotFound\n404 DBSnapshotNotFound';
    const world = { ...procedure.world, 'refuse/RestoreDBInstanceFromDBSnapshot': missing };
    const played = await play(context, { ...procedure, world });
    expect(played.result).toBe('halted at restore');
    expect(played.effects).toEqual([]);
    expect(JSON.stringify(played.entries)).toContain('DBSnapshotNotFound');
  });

  test('killed when the copy was made and when nothing was renamed yet: the probes tell one from the other', async (context) => {
    const kills: Kill[] = [
      { when: 'after', what: 'rds RestoreDBInstanceFromDBSnapshot *', cell: 'restore' },
      { when: 'before', what: 'rds ModifyDBInstance orders', cell: 'rename_old' },
    ];
    const played = await play(context, real, kills);
    expect(played.result).toBe('completed');
    expectPermitted(real, played, kills, { cells: ['restore', 'rename_old', 'rename_new'] });
    expect(played.effects).toHaveLength(3);
    const names = played.stage.world.list('rds');
    expect(names).toEqual(['orders', expect.stringMatching(/^orders-old-[0-9a-f]{8}$/)]);
    expect(names.map((name) => played.stage.world.read(`rds/${name}`))).toEqual([
      'available None snap-1',
      expect.stringContaining('None old-data'),
    ]);
  });

  test('the copy cannot take the name and somebody gives it up, killed when the old one had it again: renamed back once', async (context) => {
    const refused: Procedure = {
      ...real,
      halts: { rename_new: { command: 'undo' } },
      world: { ...real.world, 'refuse/ModifyDBInstance': ['-', ...Array(3).fill('400 Throttling')].join('\n') },
    };
    const kills: Kill[] = [{ when: 'after', what: 'rds ModifyDBInstance orders-old-*', cell: 'undo_rename_old' }];
    const played = await play(context, refused, kills);
    expect(played.result).toBe('failed');
    expectPermitted(refused, played, kills, { cells: ['restore', 'rename_old', 'undo_rename_old'] });
    const { world } = played.stage;
    expect(world.read('rds/orders')).toContain('None old-data');
    expect(world.list('rds')).toEqual(['orders', expect.stringMatching(/^orders-new-[0-9a-f]{8}$/)]);
  });

  test('killed when the second renaming was done and when the copy was deleted: neither is asked for again', async (context) => {
    const kills: Kill[] = [
      { when: 'after', what: 'rds ModifyDBInstance orders-new-*-1', cell: 'rename_new' },
      { when: 'after', what: 'rds DeleteDBInstance *', cell: 'delete_copy' },
    ];
    const played = await play(context, procedure, kills);
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, kills, { cells: dryCells });
    expect(actionsIn(played)).toEqual(dryActions);
  });
});

describe.concurrent('db_user_rotation', () => {
  const witnessed = {
    cells: ['create', 'drop'],
    elements: { configure: ['configure_one'], restart: ['restart_one'] },
  };
  const secret = 'a secret that nobody may see';
  const procedure: Procedure = {
    name: 'db_user_rotation',
    programs: ['psql', 'ssh'],
    world: {
      'secrets/web-password': secret,
      'roles/web1': 'the old one',
      'hosts/web_1/running': 'web1',
      'hosts/web_2/running': 'web1',
    },
    params: { new_version: 2, old_version: 1, hosts: ['web_1', 'web_2'] },
    people: { look: 'both log in as web2' },
  };

  test('every host is restarted once, and the old user goes last', async (context) => {
    const played = await play(context, procedure);
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, [], witnessed);
    expect(played.effects).toEqual([
      'psql -v ON_ERROR_STOP=1 -v role=web2 -f -',
      'ssh web_1 set-db-user web2 /etc/web.yaml',
      'ssh web_2 set-db-user web2 /etc/web.yaml',
      'ssh -n web_1 systemctl restart web && wait-for-200',
      'ssh -n web_2 systemctl restart web && wait-for-200',
      'psql -v ON_ERROR_STOP=1 -v role=web1 -f -',
    ]);
    expect(played.stage.world.list('roles')).toEqual(['web2']);
    expect(played.stage.world.read('roles/web2')).toBe(secret);
    expectHidden(played, secret);
  });

  test('killed when the user was made, in the file of a host and in two restarts: no user twice, no host restarted twice', async (context) => {
    const kills: Kill[] = [
      { when: 'after', what: 'psql * role=web2 *', cell: 'create' },
      { when: 'before', what: 'ssh web_2 set-db-user *', element: 'configure.1', cell: 'configure_one' },
      { when: 'after', what: 'ssh -n web_1 systemctl restart*', element: 'restart.0', cell: 'restart_one' },
      { when: 'before', what: 'ssh -n web_2 systemctl restart*', element: 'restart.1', cell: 'restart_one' },
    ];
    const played = await play(context, procedure, kills);
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, kills, witnessed);
    const { world } = played.stage;
    expect(['web_1', 'web_2'].map((host) => world.read(`hosts/${host}/restarts`))).toEqual(['1', '1']);
    expectHidden(played, secret);
    expect(world.list('roles')).toEqual(['web2']);
  });
});

describe.concurrent('pg_superuser_rotation', () => {
  const nodes = ['pg-1', 'pg-2', 'pg-3'];
  const present = 'the password of superuser6';
  const drawn = (time: number): string => `f00dfacecafe${String(time).padStart(52, '0')}`;
  const procedure: Procedure = {
    name: 'pg_superuser_rotation',
    programs: ['openssl', 'ssh'],
    world: { role: '6', 'secrets/superuser-password': present },
    params: { env: 'stage', issue: 'https://tracker.example/1', nodes },
    people: {
      change: 'https://tracker.example/change/1',
      dry_ok: 'no errors',
      merge: 'https://git.example/merge/7',
      apply: [voter('bob', 'dba')],
    },
  };
  const witnessed = {
    cells: ['password', 'hand_over', 'role', 'forget'],
    elements: { replicated: [], config_off: ['disable'], config_on: ['enable'], converge: ['converge_one'] },
  };
  /** It is the secret of the place, and of the role; and nobody was told. The journal says by its versions who had which. */
  const expectMade = (played: Played, time: number): void => {
    const { world } = played.stage;
    expect(world.read('secrets/superuser-password')).toBe(drawn(time));
    expect(world.read('superuser')).toBe(drawn(time));
    expect(world.read('hosts/pg-2/password')).toBeNull();
    for (const value of [present, ...Array.from({ length: time }, (_, index) => drawn(index + 1))])
      expectHidden(played, value);
    const named = played.entries.flatMap((one) =>
      one.kind === 'reserved' && one.secrets !== undefined ? [[one.cell, one.secrets.SUPERUSER_PASSWORD] as const] : [],
    );
    const made = played.entries.find(
      (one) => one.kind === 'outcome' && one.cell === 'password' && one.status === 'completed',
    );
    const version = made?.kind === 'outcome' ? made.secrets?.SUPERUSER_PASSWORD : undefined;
    expect(version).toMatch(/^[0-9a-f]{16}$/);
    const versionsOf = (cell: string): unknown[] => [
      ...new Set(named.flatMap(([name, one]) => (name === cell ? [one] : []))),
    ];
    expect(versionsOf('password')).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/)]);
    expect(versionsOf('password')).not.toContain(version);
    expect(versionsOf('hand_over')).toEqual([version]);
  };
  const convergedIn = ({ stage }: Played): (string | null)[] =>
    nodes.map((node) => stage.world.read(`hosts/${node}/converged`));

  test('one role is made on the leader, and every node takes it over once', async (context) => {
    const played = await play(context, procedure);
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, [], witnessed);
    expect(played.effects.filter((call) => call.includes('wet-run'))).toEqual([
      'ssh -n pg-2 superuser-role-create --wet-run',
    ]);
    expect(convergedIn(played)).toEqual(['1', '1', '1']);
    expect(nodes.map((node) => played.stage.world.read(`hosts/${node}/chef`))).toEqual(['on', 'on', 'on']);
    expectMade(played, 1);
  });

  test('killed when the password was drawn and when the leader had it: one more is drawn, the leader is told the same again', async (context) => {
    const kills: Kill[] = [
      { when: 'after', what: 'openssl rand -hex 32', cell: 'password' },
      { when: 'after', what: 'ssh pg-2 *cat > /root/.new_password', cell: 'hand_over' },
    ];
    const played = await play(context, procedure, kills);
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, kills, witnessed);
    expect(played.effects.filter((call) => call.startsWith('openssl'))).toHaveLength(2);
    expect(played.effects.filter((call) => call.includes('cat > '))).toHaveLength(2);
    expect(played.stage.world.read('role')).toBe('7');
    expectMade(played, 2);
  });

  test('nobody agrees and somebody gives it up, killed at a node that is taken back: the configuration management is on', async (context) => {
    const refused: Procedure = {
      ...procedure,
      people: { ...procedure.people, apply: [voter('bob', 'dba', true)] },
      halts: { apply: { command: 'undo' } },
    };
    const kills: Kill[] = [
      { when: 'after', what: 'ssh -n pg-2 chef-client-enable', element: 'undo_config_off.1', cell: 'undo_disable' },
      { when: 'before', what: 'ssh -n pg-2 rm -f /root/.new_password', cell: 'undo_hand_over' },
    ];
    const played = await play(context, refused, kills);
    expect(played.result).toBe('failed');
    expectPermitted(refused, played, kills, {
      cells: ['password', 'hand_over', 'role', 'forget', 'undo_hand_over'],
      elements: { ...witnessed.elements, undo_config_off: ['undo_disable'] },
      ends: Object.fromEntries(nodes.map((_, index) => [`undo_config_off.${index}`, 'rolled_back'])),
    });
    expect(nodes.map((node) => played.stage.world.read(`hosts/${node}/chef`))).toEqual(['on', 'on', 'on']);
    expect(convergedIn(played)).toEqual([null, null, null]);
    expectMade(played, 1);
  });

  test('killed when the role was made and in three nodes: people look, and nothing happens that they did not permit', async (context) => {
    const kills: Kill[] = [
      {
        when: 'after',
        what: '* superuser-role-create --wet-run',
        cell: 'role',
        verdict: ['--succeeded', '--output', '{"role": "superuser7"}'],
      },
      { when: 'after', what: 'ssh -n pg-2 chef-client-disable *', element: 'config_off.1', cell: 'disable' },
      {
        when: 'after',
        what: 'ssh -n pg-1 chef-client',
        element: 'converge.0',
        cell: 'converge_one',
        verdict: ['--succeeded'],
      },
      {
        when: 'before',
        what: 'ssh -n pg-3 chef-client',
        element: 'converge.2',
        cell: 'converge_one',
        verdict: ['--retry'],
      },
    ];
    const played = await play(context, procedure, kills);
    expect(played.result).toBe('completed');
    expectPermitted(procedure, played, kills, witnessed);
    expect(played.stage.world.read('role')).toBe('7');
    expectMade(played, 1);
    expect(convergedIn(played)).toEqual(['1', '1', '1']);
    expect(nodes.map((node) => played.stage.world.read(`hosts/${node}/chef`))).toEqual(['on', 'on', 'on']);
  });
});
