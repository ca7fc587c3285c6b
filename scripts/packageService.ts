/**
 * Packages the service: the template and a zip for each function. Without network, credentials or an account, whatever
 * this machine is configured for: the result depends on the files of this repository alone.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const root = dirname(import.meta.dirname);

type Sizes = {
  /** KB (1024 bytes) of the bundle, minified, without its source map. */
  kb: number;
  /** What of it comes from which package, as far as it is worth a look; ours by folder. */
  of: Record<string, number>;
};

/** As little as esbuild needs for telling. */
type Metafile = {
  outputs: Record<string, { entryPoint?: string; bytes: number; inputs: Record<string, { bytesInOutput: number }> }>;
};

const worthTellingKb = 20;
const kbOf = (bytes: number): number => Math.round(bytes / 1024);

const ownerOf = (path: string): string =>
  path.match(/.*node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1] ?? path.split('/').slice(0, 2).join('/');

const sizesOf = ({ outputs }: Metafile): Sizes => {
  const bundle = Object.values(outputs).find(({ entryPoint }) => entryPoint !== undefined);
  if (bundle === undefined) throw new Error('This bundle has no entry point.');
  const bytes = new Map<string, number>();
  for (const [path, { bytesInOutput }] of Object.entries(bundle.inputs)) {
    const owner = ownerOf(path);
    bytes.set(owner, (bytes.get(owner) ?? 0) + bytesInOutput);
  }
  const told = [...bytes]
    .map(([owner, count]) => [owner, kbOf(count)] as const)
    .filter(([, kb]) => kb >= worthTellingKb);
  // By name, so that a change is one line.
  return { kb: kbOf(bundle.bytes), of: Object.fromEntries(told.sort(([a], [b]) => (a < b ? -1 : 1))) };
};

export type Packaged = { folder: string; sizes: Record<string, Sizes>; said: string };

/** @param more further arguments of `osls package`: `--stage prod`, `--param epoch=1` */
export const packageService = async (folder: string, more: string[] = []): Promise<Packaged> => {
  const osls = createRequire(import.meta.url).resolve('serverless/bin/serverless.js');
  // osls empties the folder of the package first.
  const metafiles = await mkdtemp(join(tmpdir(), 'pawl-metafiles-'));
  // Nothing of this machine's accounts: a package is the same wherever it is made.
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(AWS|SLS|SERVERLESS|PAWL|npm)_|^NODE_OPTIONS$/.test(name),
  );
  const env = {
    ...Object.fromEntries(own),
    AWS_EC2_METADATA_DISABLED: 'true',
    PAWL_METAFILES: metafiles,
    PAWL_BUILD_DIR: join('.esbuild-package', String(process.pid)),
  };
  try {
    const run = promisify(execFile)(process.execPath, [osls, 'package', '--package', folder, ...more], {
      cwd: root,
      env,
    });
    const { stdout, stderr } = await run.catch((error) => {
      throw new Error(`osls did not package the service:\n${error.stdout}${error.stderr}`);
    });
    const names = await readdir(metafiles);
    const sizes = await Promise.all(
      names.sort().map(async (name) => {
        const metafile = JSON.parse(await readFile(join(metafiles, name), 'utf8')) as Metafile;
        return [name.replace(/\.json$/, ''), sizesOf(metafile)] as const;
      }),
    );
    return { folder, sizes: Object.fromEntries(sizes), said: `${stdout}${stderr}` };
  } finally {
    await rm(metafiles, { recursive: true, force: true });
    await rm(join(root, env.PAWL_BUILD_DIR), { recursive: true, force: true });
  }
};
