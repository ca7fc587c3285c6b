/** The table of codes and what the sources throw say the same. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { errorCodes } from '../../src/engine/index.ts';

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.endsWith('model/errors.ts'))
  .map((path) => readFileSync(join('src', path), 'utf8'))
  .join('\n');

test.each(Object.keys(errorCodes))('%s is used', (code) => {
  expect(sources).toContain(`'${code}'`);
});
