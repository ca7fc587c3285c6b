/**
 * The contract in a browser: both of its doors, and what the page calls by, make a bundle that holds zod and the engine's words,
 * nothing of Node and no other package. Its size is printed.
 */
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const doors = "export * from './src/contract/index.ts'; export * from './src/contract/answering.ts';";
/** What each is made of, and no more. */
const ofContract = /^(?:src\/contract|src\/engine\/model|node_modules\/zod)\//;
const ofPage = /^src\/console\/(?:api|signIn\/\w+)\.ts$/;

/** `strange`: modules that have no place in it, Node's own among them. */
const bundled = async (contents: string) => {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    stdin: { contents, resolveDir: root, sourcefile: 'entry.ts', loader: 'ts' },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    minify: true,
    write: false,
    metafile: true,
    external: ['node:*'],
    logLevel: 'silent',
  });
  const [output] = outputFiles;
  const inputs = Object.keys(metafile.inputs).filter((path) => path !== 'entry.ts');
  const ofNode = Object.values(metafile.inputs).flatMap(({ imports }) =>
    imports.filter(({ external }) => external).map(({ path }) => path),
  );
  return {
    inputs,
    strange: [...inputs.filter((path) => !ofContract.test(path) && !ofPage.test(path)), ...ofNode],
    text: output?.text ?? '',
  };
};
const sizeOf = (text: string): string => `${Buffer.byteLength(text)} bytes, ${gzipSync(text).byteLength} gzipped`;

it.each([
  ['the contract', doors],
  ['the contract and the client of the page', `${doors} export { call } from './src/console/api.ts';`],
])('%s is bundled for a browser with zod alone', async (what, contents) => {
  const { inputs, strange, text } = await bundled(contents);
  console.log(`${what}, for a browser: ${sizeOf(text)}`);
  expect(strange).toEqual([]);
  // It is really in there: routes, schemas of what goes in and of what comes out.
  for (const word of ['/instances/{instanceId}/verdict', 'verdictsAtOnceMax', 'headHash']) expect(text).toContain(word);
  expect(inputs).toContain('src/contract/routes.ts');
  // Nor what Node has without an import.
  expect(text.match(/\b(?:Buffer|process|global|require)\b(?=[.([])/g)).toBeNull();
});

it.each([
  ["import 'node:crypto';", 'node:crypto'],
  ["import '@middy/core';", 'node_modules/@middy/core/index.js'],
  ["import './src/engine/rules/view.ts';", 'src/engine/rules/view.ts'],
])('what has no place there is found: %s', async (line, found) => {
  expect((await bundled(`${line} ${doors}`)).strange).toContain(found);
});

it('a module of Node by its bare name cannot be bundled', async () => {
  await expect(bundled(`export { readFile } from 'fs'; ${doors}`)).rejects.toThrow(/Could not resolve "fs"/);
});
