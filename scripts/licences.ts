import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dirname);

/** What is bundled is passed on, so its licences are too. */
export const licencesOf = async (inputs: string[]): Promise<string> => {
  const folders = new Set(inputs.flatMap((path) => path.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0] ?? []));
  const texts = await Promise.all(
    [...folders].sort().map(async (folder) => {
      const { name, version, license } = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8'));
      const file = (await readdir(join(root, folder))).find((one) => /^licen[cs]e(?:[.-]|$)/i.test(one));
      const text = file === undefined ? '' : `\n${(await readFile(join(root, folder, file), 'utf8')).trim()}\n`;
      return `${name} ${version}: ${license}\n${text}`;
    }),
  );
  return `The files in this folder hold parts of these packages.\n\n${texts.join(`\n${'-'.repeat(80)}\n`)}`;
};
