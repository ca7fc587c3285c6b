/** What stands still must not outlive the tests that stopped it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { isAlive, until } from '../cli/support.ts';

test('a process that was frozen by one that is then killed is killed as well', async () => {
  const workers = new URL('../support/workers.ts', import.meta.url);
  const code = `
    import { spawn } from 'node:child_process';
    import { freezeProcess } from '${workers}';
    const { pid } = spawn('sleep', ['600'], { stdio: 'ignore' });
    await freezeProcess(pid);
    console.log(pid);
    setInterval(() => {}, 1_000);`;
  const freezing = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(freezing.stdout, 'data')) as [Buffer];
  const frozen = Number(said);
  expect(isAlive(frozen)).toBe(true);
  freezing.kill('SIGKILL');
  await until('the frozen process to be gone', () => !isAlive(frozen));
});
