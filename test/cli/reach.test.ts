/** What a process that stays says of the reach of its cells. */
import { expect, test } from 'vitest';
import { metadataText, protectedText } from '../../src/cli/reach.ts';
import { guardedFiles, readSettings } from '../../src/cli/settings.ts';

const looking = { ...readSettings({ data: '/srv/pawl' }, {}), cellsAs: 'cells' };
const addresses = [
  { host: '169.254.169.254', port: 80 },
  { host: 'fd00:ec2::254', port: 80 },
];

test('as another user: what that one can do all the same is named, and that cells share it', () => {
  const shared = 'Cells that run at the same time share that user, and can read what one another were given.';
  expect(protectedText(looking, { readable: [], alterable: [] })).toBe(
    `Its cells run as cells: they can neither read nor alter the store in /srv/pawl, nor read the files with credentials that were looked for. ${shared}`,
  );
  expect(protectedText(looking, { readable: ['/srv/pawl/pawl.db'], alterable: ['/srv'] })).toBe(
    `Its cells run as cells: they could read /srv/pawl/pawl.db and alter /srv, and perhaps write the journal with it. Take these rights from cells. ${shared}`,
  );
  const many = Array.from({ length: 11 }, (_, at) => `/${at}`);
  expect(protectedText(looking, { readable: many, alterable: [] })).toContain('/6, /7 and 3 more, and');
});

test('the metadata service: in reach and what to do, out of reach, or not known', () => {
  expect(metadataText(addresses, [])).toBe(
    'The metadata of this machine is out of their reach: 169.254.169.254:80, [fd00:ec2::254]:80 took no connection.',
  );
  expect(metadataText(addresses, addresses.slice(1))).toMatch(
    /^They reach the metadata of this machine \(\[fd00:ec2::254\]:80\): if it has a role, they could take that\. docs\/deploying\.md /,
  );
  expect(metadataText(addresses, 'it was late.')).toContain('could not be looked at: it was late.');
});

test('what is looked for is the store, what stands beside it, and credentials, also where variables name them', () => {
  const env = {
    AWS_CONFIG_FILE: '/etc/aws/config',
    AWS_SHARED_CREDENTIALS_FILE: '/etc/aws/keys',
    AWS_WEB_IDENTITY_TOKEN_FILE: '/var/run/token',
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/var/run/pod',
  };
  expect(guardedFiles(looking, env)).toEqual(
    expect.arrayContaining(['/srv/pawl/pawl.db', '/srv/pawl/token', '/srv/pawl/secrets.key', ...Object.values(env)]),
  );
});

test('PAWL_CELLS_AS names the user', () => {
  expect(readSettings({}, {}).cellsAs).toBeUndefined();
  expect(readSettings({}, { PAWL_CELLS_AS: 'cells' }).cellsAs).toBe('cells');
});
