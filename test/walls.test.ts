/** The walls of biome.jsonc stand: each offending file is refused for its reason, each honest one passes. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const importing = (...from: string[]): string =>
  from.map((path, i) => `import { a as a${i} } from '${path}';\nexport const b${i} = a${i};\n`).join('');

/** `where`: a folder, or the very file. */
const refused: [where: string, code: string, reason: string][] = [
  ['src/engine', importing('../store/index.ts'), 'imports zod, node:assert and itself'],
  ['src/engine', importing('@aws-sdk/client-dynamodb'), 'imports zod, node:assert and itself'],
  ['src/engine', importing('node:fs'), 'imports zod, node:assert and itself'],
  ['src/engine', 'export const a = Date.now();\n', 'no clock and no dice'],
  ['src/engine', 'export const a = Math.random();\n', 'no clock and no dice'],
  ['src/engine', 'export const a = process.env.HOME;\n', 'noRestrictedGlobals'],
  ['src/engine/model', importing('../rules/apply.ts'), 'imports zod, node:assert and itself'],
  ['src/engine/rules', importing('../ports.ts'), 'engine/rules imports engine/model'],
  ['src/engine/call', importing('../steps/record.ts'), 'engine/call imports engine/ports'],
  ['src/engine/steps', importing('../waiting/look.ts'), 'engine/steps imports engine/call'],
  ['src/engine/waiting', importing('../doubt/probe.ts'), 'never engine/doubt'],
  ['src/engine/doubt', importing('../waiting/look.ts'), 'never engine/waiting'],
  ['src/engine/reading', importing('../advance.ts'), 'engine/reading imports'],
  ['src/engine/ports.ts', importing('./call/call.ts'), 'engine/ports.ts imports'],
  ['src/engine/ports', importing('../rules/apply.ts'), 'engine/ports imports engine/model'],
  ['src/engine/call', importing('../ports/journal.ts'), 'engine/call imports engine/ports'],
  ['src/engine/advance.ts', importing('./commands/start.ts'), 'engine/advance imports'],
  ['src/engine/commands', importing('../steps/execute.ts'), 'engine/commands imports'],
  ['src/engine/commands', importing('../../store/index.ts'), 'engine/commands imports'],
  ['src/store', importing('../engine/model/entries.ts'), 'imports engine/index.ts and itself'],
  ['src/store', importing('../cells/index.ts'), 'imports engine/index.ts and itself'],
  ['src/store', importing('../../test/support/world.ts'), 'imports engine/index.ts and itself'],
  ['src/store', 'export const a = (b: any) => b;\n', 'noExplicitAny'],
  ['src/store', 'export const a = new DynamoDBClient({});\n', 'it sets the time-outs'],
  ['src/store', 'export const a = (b: Promise<void>[]) => Promise.all(b);\n', 'Use settleAll'],
  ['src/handlers', 'export const a = (b: Promise<void>[]) => Promise.all(b);\n', 'Use settleAll'],
  ['src/cells', importing('../store/index.ts'), 'imports engine/index.ts and itself'],
  ['src/authoring', importing('../cells/index.ts'), 'imports engine/index.ts and itself'],
  ['src/places', importing('../cells/index.ts'), 'imports engine/index.ts and itself'],
  ['src/store', importing('../aws/index.ts'), 'imports engine/index.ts and itself'],
  ['src/cells', importing('../aws/model.ts'), 'imports engine/index.ts and itself'],
  ['src/aws', importing('../engine/index.ts'), 'src/aws imports nothing else of src'],
  ['src/contract', importing('../engine/index.ts'), 'The contract imports zod'],
  ['src/contract', importing('../engine/model/limits.ts'), 'The contract imports zod'],
  ['src/contract', importing('../handlers/operations.ts'), 'The contract imports zod'],
  ['src/contract', importing('node:crypto'), 'The contract imports zod'],
  ['src/contract', importing('@middy/core'), 'The contract imports zod'],
  ['src/contract/requests', importing('../../engine/index.ts'), 'The contract imports zod'],
  ['src/contract/answers', importing('../../handlers/operations.ts'), 'The contract imports zod'],
  ['src/contract', 'export const a = process.env.HOME;\n', 'noProcessEnv'],
  ['src/handlers', importing('../store/index.ts'), 'only deps.ts sees'],
  ['src/handlers', importing('../contract/routes.ts'), 'only deps.ts sees'],
  ['src/handlers', importing('../contract/answers/views.ts'), 'only deps.ts sees'],
  ['src/library', importing('../store/index.ts'), 'The library imports'],
  ['src/library', importing('../cli/session.ts'), 'The library imports'],
  ['src/handlers', 'export const a = process.env.HOME;\n', 'noProcessEnv'],
  ['src/cli', importing('../engine/rules/apply.ts'), 'entered by their index.ts'],
  ['src/cli', importing('../engine/model/index.ts'), 'entered by their index.ts'],
  ['src/cli/transports', importing('../../handlers/operations.ts'), 'entered by their index.ts'],
  ['src/cli', importing('../../test/support/world.ts'), 'entered by their index.ts'],
  ['src/console', importing('../../test/support/world.ts'), 'The console imports Preact'],
  ['src/console', importing('../engine/index.ts'), 'The console imports Preact'],
  ['src/console', importing('../contract/routes.ts'), 'The console imports Preact'],
  ['src/console/parts', importing('../../cli/format.ts'), 'The console imports Preact'],
  ['src/console', importing('zod'), 'The console imports Preact'],
];
const honest: [file: string, code: string][] = [
  ['src/engine/honest.ts', importing('node:assert', 'node:assert/strict', 'zod', './rules/apply.ts')],
  ['src/engine/model/honest.ts', importing('zod', './limits.ts')],
  ['src/engine/rules/honest.ts', importing('node:assert/strict', '../model/entries.ts', './policy.ts')],
  ['src/engine/ports/honest.ts', importing('../model/entries.ts', './journal.ts')],
  ['src/engine/call/honest.ts', importing('../ports.ts', '../model/errors.ts', '../rules/apply.ts', './call.ts')],
  ['src/engine/steps/honest.ts', importing('../ports.ts', '../call/call.ts', '../rules/view.ts', './record.ts')],
  ['src/engine/waiting/honest.ts', importing('../ports.ts', '../call/call.ts', '../steps/free.ts', './look.ts')],
  ['src/engine/doubt/honest.ts', importing('../ports.ts', '../call/call.ts', '../steps/free.ts', './probe.ts')],
  ['src/engine/reading/honest.ts', importing('../ports.ts', '../waiting/look.ts', '../call/call.ts', './inspect.ts')],
  ['src/engine/commands/honest.ts', importing('../advance.ts', '../waiting/look.ts', '../call/call.ts', './start.ts')],
  [
    'src/store/honest.ts',
    importing('node:fs/promises', 'zod', '@aws-sdk/lib-dynamodb', '../engine/index.ts', './access.ts'),
  ],
  ['src/store/client.ts', 'export const a = new DynamoDBClient({});\n'],
  ['src/contract/honest.ts', importing('zod', '../engine/model/index.ts', './routes.ts', './answers/views.ts')],
  [
    'src/contract/routes/honest.ts',
    importing('zod', '../../engine/model/index.ts', '../requests/parts.ts', './route.ts'),
  ],
  [
    'src/handlers/honest.ts',
    importing('@middy/core', '../engine/index.ts', '../contract/index.ts', '../contract/answering.ts', './deps.ts'),
  ],
  [
    'src/handlers/deps.ts',
    `${importing('../store/index.ts', '../store/local.ts')}export const c = process.env.HOME;\n`,
  ],
  ['src/cli/honest.ts', importing('../authoring/index.ts', '../contract/index.ts', '../engine/index.ts')],
  [
    'src/cli/transports/honest.ts',
    importing('../../handlers/index.ts', '../../contract/index.ts', '../../contract/answering.ts', '../client.ts'),
  ],
  [
    'src/console/honest.ts',
    importing('preact', 'preact/hooks', 'oauth4webapi', '../contract/index.ts', './signIn/bearer.ts'),
  ],
  [
    'src/console/parts/honest.ts',
    importing('../../contract/index.ts', '../text.ts', '../decide/reason.tsx', './code.tsx'),
  ],
  ['src/index.ts', importing('./engine/index.ts', './library/open.ts')],
  [
    'src/library/honest.ts',
    importing('node:path', '../cli/deps.ts', '../engine/index.ts', '../handlers/functions/api.ts'),
  ],
  ['test/honest.test.ts', importing('../src/engine/rules/apply.ts')],
];

let project: string;
const found = new Map<string, string>();
const nameOf = (i: number): string => {
  const where = refused[i]?.[0] ?? '';
  return where.endsWith('.ts') ? where : `${where}/offence${i}.ts`;
};

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'pawl-walls-'));
  cpSync('biome.jsonc', join(project, 'biome.jsonc'));
  cpSync('test/walls', join(project, 'test/walls'), { recursive: true });
  const files = [...refused.map(([, code], i) => [nameOf(i), code] as const), ...honest];
  for (const [file, code] of files) {
    mkdirSync(dirname(join(project, file)), { recursive: true });
    writeFileSync(join(project, file), code);
  }
  const options = ['lint', '--vcs-enabled=false', '--reporter=json', '--max-diagnostics=none', '.'];
  const biome = spawnSync(resolve('node_modules/.bin/biome'), options, { cwd: project, encoding: 'utf8' });
  for (const { category, message, location } of JSON.parse(biome.stdout).diagnostics) {
    const path = String(location.path.file ?? location.path);
    found.set(path, `${found.get(path) ?? ''}${category}: ${JSON.stringify(message)}\n`);
  }
});
afterAll(() => rmSync(project, { recursive: true }));

test.each(refused.map((offence, i) => [...offence, i] as const))('%s: %j is refused', (_folder, _code, reason, i) => {
  expect(found.get(nameOf(i))).toContain(reason);
});

test.each(honest)('%s passes', (file) => {
  expect(found.get(file)).toBeUndefined();
});
