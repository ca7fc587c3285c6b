/**
 * `npm run bench:crash`: workers killed (SIGKILL) in step 5 of 10, right after its effect; what became of each run. The
 * shipped command line on SQLite, in processes of its own. Each step appends its idempotency key to a file
 * and forces it to the disk: that file, not the journal, says how often it ran.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readOptions, refuse } from '../../test/support/options.ts';

const launcher = fileURLToPath(new URL('../../bin/pawl.js', import.meta.url));
const steps = 10;
const killedIn = 5;
const withinMs = 60_000;

type Policy = 'probe' | 'hold';
type Ended = { exit: number | null; out: string };
type Result = {
  instance: string;
  /** How often the step that was cut ran, by the file. */
  ran: number;
  settledBy: string;
  completed: boolean;
  /** From the kill until the run had ended, deadline and grace included. */
  ms: number;
};

const effect =
  'node -e "const f = require(\'fs\'), d = f.openSync(process.argv[1], \'a\'); f.writeSync(d, process.argv[2] + \'\\n\'); f.fsyncSync(d)" "$PAWL_PARAM_FILE" "$PAWL_IDEMPOTENCY_KEY"';

/** Step 5 stays alive after its effect until it is killed, the first time that it runs. */
const cell = (number: number, policy: Policy): string => {
  const probe = `\`\`\`sh { probe=step5 }\nif grep -qx "$PAWL_IDEMPOTENCY_KEY" "$PAWL_PARAM_FILE"; then echo '{"answer": "done"}' > "$PAWL_OUTPUT"; else echo '{"answer": "not-done"}' > "$PAWL_OUTPUT"; fi\n\`\`\`\n`;
  if (number !== killedIn) return `\`\`\`sh { name=step${number} }\n${effect}\n\`\`\`\n`;
  const how = policy === 'probe' ? ' interrupted=probe settle=1s' : '';
  return `\`\`\`sh { name=step5 timeout=3s${how} }\n${effect}\nsleep 30\n\`\`\`\n${policy === 'probe' ? probe : ''}`;
};

const document = (policy: Policy): string =>
  `---\nrunbook: crash-${policy}\ntitle: Killed in step 5\nparams:\n  file: { type: string }\n---\n${Array.from({ length: steps }, (_, index) => cell(index + 1, policy)).join('')}`;

const help = `npm run bench:crash -- [--runs N] [--json]

Kills N workers in step ${killedIn} of ${steps} whose step a probe settles, and N whose step a person settles (10).
Ends with 0 if every step ran once, was settled as declared, and its run completed; with 1 otherwise.`;
const options = { runs: { type: 'string', default: '10' }, json: { type: 'boolean', default: false } } as const;
const { values } = readOptions(help, { options });
const runs = Number(values.runs);
if (!Number.isSafeInteger(runs) || runs < 1) refuse(`--runs is a whole number from 1 on, not ${values.runs}`);
const folder = await mkdtemp(join(tmpdir(), 'pawl-crash-'));
const dataDir = join(folder, 'data');
const env = {
  PATH: process.env.PATH ?? '',
  HOME: folder,
  PAWL_DATA_DIR: dataDir,
  PAWL_ACTOR: 'bench',
  PAWL_TAKEOVER_GRACE_MS: '1000',
};

const begin = (...args: string[]) => {
  const child = spawn(process.execPath, [launcher, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'ignore'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  const ended = new Promise<Ended>((resolve) => child.once('close', (exit) => resolve({ exit, out })));
  return { child, ended };
};
const pawl = (...args: string[]): Promise<Ended> => begin(...args, '--json').ended;
const linesOf = async (file: string): Promise<string[]> =>
  (await readFile(join(folder, file), 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');

const until = async <T>(what: string, look: () => Promise<T | undefined>): Promise<T> => {
  const endMs = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > endMs) throw new Error(`waited ${withinMs} ms in vain for ${what}`);
    await wait(50);
  }
};

const statusOf = async (instance: string): Promise<string> =>
  (JSON.parse((await pawl('status', instance)).out) as { view: { status: string } }).view.status;

/** Runs until step 5 has happened, kills the worker, and lets the run be finished. */
const killOne = async (policy: Policy, number: number): Promise<Result> => {
  const instance = `${policy}-${number}`;
  const file = `${instance}.txt`;
  const key = `local/${instance}/step${killedIn}/1`;
  const worker = begin('run', `${policy}.md`, '--instance', instance, '-p', `file=${join(folder, file)}`);
  await until('the effect of step 5', async () => ((await linesOf(file)).includes(key) ? true : undefined));
  worker.child.kill('SIGKILL');
  const killedAtMs = performance.now();
  await worker.ended;
  await until('the doubt', async () => ((await statusOf(instance)) === 'in_doubt' ? true : undefined));
  const finish = async (): Promise<true | undefined> => {
    const { exit } = await pawl('advance', instance, '--max-cells', 'all');
    return exit === 0 ? true : undefined;
  };
  if (policy === 'hold') {
    // Nothing happens by itself, however often it is asked.
    if ((await pawl('advance', instance, '--max-cells', 'all')).exit !== 5) throw new Error(`${instance} went on`);
    const seq = JSON.parse((await pawl('status', instance)).out).step.seq as number;
    const said = ['--succeeded', '--reason', 'its line is in the file'];
    const { exit } = await pawl('verdict', instance, '--seq', String(seq), ...said);
    if (exit !== 0) throw new Error(`the verdict about ${instance} was refused`);
  }
  await until('the end', finish);
  const { entries } = JSON.parse((await pawl('journal', instance)).out) as {
    entries: { kind: string; cell?: string; closedBy?: string; state: { ended: string | null } }[];
  };
  const closing = entries.find((entry) => entry.kind === 'outcome' && entry.cell === `step${killedIn}`);
  const ran = (await linesOf(file)).filter((line) => line === key).length;
  const all = new Set(await linesOf(file)).size;
  const completed = entries.at(-1)?.state.ended === 'completed' && all === steps;
  return {
    instance,
    ran,
    settledBy: closing?.closedBy ?? 'nobody',
    completed,
    ms: Math.round(performance.now() - killedAtMs),
  };
};

const results: Result[] = [];
try {
  for (const policy of ['probe', 'hold'] as const) await writeFile(join(folder, `${policy}.md`), document(policy));
  for (const policy of ['probe', 'hold'] as const) {
    for (let number = 1; number <= runs; number += 1) {
      const result = await killOne(policy, number);
      results.push(result);
      const { instance, ran, settledBy, completed, ms } = result;
      if (!values.json)
        console.log(
          `${instance.padEnd(9)} step 5 ran ${ran} time${ran === 1 ? '' : 's'}, in doubt, settled by ${settledBy === 'person' ? 'a verdict' : `its ${settledBy}`}, ${completed ? 'completed' : 'NOT completed'}, ${(ms / 1000).toFixed(1)} s after the kill`,
        );
    }
  }
} finally {
  const server = await readFile(join(dataDir, 'server.json'), 'utf8').catch(() => undefined);
  if (server !== undefined) process.kill((JSON.parse(server) as { pid: number }).pid, 'SIGTERM');
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}
const kept = results.filter(
  ({ instance, ran, settledBy, completed }) =>
    ran === 1 && completed && settledBy === (instance.startsWith('probe') ? 'probe' : 'person'),
);
if (values.json) console.log(JSON.stringify({ results, kept: kept.length, of: results.length }));
else console.log(`${kept.length} of ${results.length}: ran once, in doubt, settled as declared, completed.`);
process.exitCode = kept.length === results.length ? 0 : 1;
