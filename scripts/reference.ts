/**
 * `npm run reference`: writes what is made of the sources in the authors' reference: the marked regions of
 * docs/runbooks.md, and docs/front-matter.schema.json. `npm test` says when they are stale.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { frontMatterJsonSchema } from '../src/authoring/index.ts';
import { renewed } from './reference/regions.ts';

const docs = join(import.meta.dirname, '../docs');
const page = join(docs, 'runbooks.md');
await writeFile(page, renewed(await readFile(page, 'utf8')));
await writeFile(join(docs, 'front-matter.schema.json'), `${JSON.stringify(frontMatterJsonSchema(), null, 2)}\n`);
