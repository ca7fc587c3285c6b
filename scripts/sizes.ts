/** `npm run sizes`: writes infra/bundles.json, which test/infra compares with what is packaged. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageService } from './packageService.ts';

const folder = await mkdtemp(join(tmpdir(), 'pawl-package-'));
try {
  const { sizes } = await packageService(folder);
  await writeFile(join(import.meta.dirname, '../infra/bundles.json'), `${JSON.stringify(sizes, null, 2)}\n`);
  console.log(
    Object.entries(sizes)
      .map(([name, { kb }]) => `${name} ${kb} KB`)
      .join(', '),
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
