/**
 * Where this package lies, whether it runs from its sources or from what was built of them: a file of `dist/bin/` lies as
 * deep as one of `src/cli/`.
 */
import { readFileSync } from 'node:fs';

/** @param path of a file of this package, from its root */
export const fileOfPackage = (path: string): URL => new URL(`../../${path}`, import.meta.url);

export const packageVersion = (): string =>
  (JSON.parse(readFileSync(fileOfPackage('package.json'), 'utf8')) as { version: string }).version;
