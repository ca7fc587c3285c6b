/**
 * The command line, one command after another in one process: starting a process costs ten times what most commands do.
 * Each command gets arguments, an environment and a folder, and what it writes is kept apart. For tests of what a command
 * says and does; whoever tests the process itself (signals, deaths, terminals) starts the launcher (`begin`).
 *
 * Asked by lines of JSON on file descriptor 3, not by IPC: the command line takes an IPC channel for its launcher's.
 */
import { enableCompileCache } from 'node:module';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';

export type Asked = { args: string[]; env: Record<string, string>; folder: string };
export type Answered = { exit: number; out: string; err: string };

enableCompileCache();
const { main } = await import('../../src/cli/main.ts');

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const carryOut = async ({ args, env, folder }: Asked): Promise<Answered> => {
  const said = { out: '', err: '' };
  const keep = (where: 'out' | 'err') => (chunk: string | Uint8Array) => {
    said[where] += String(chunk);
    return true;
  };
  process.stdout.write = keep('out');
  process.stderr.write = keep('err');
  process.env = env;
  process.chdir(folder);
  process.exitCode = 0;
  await main(args);
  // The next command watches for itself.
  for (const signal of signals) process.removeAllListeners(signal);
  return { exit: Number(process.exitCode), ...said };
};

const parent = new Socket({ fd: 3 });
createInterface({ input: parent })
  .on('line', async (line) => {
    parent.write(`${JSON.stringify(await carryOut(JSON.parse(line) as Asked))}\n`);
  })
  .on('close', () => process.exit(0));
