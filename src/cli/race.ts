/**
 * Eight processes, one step. Each is the CLI itself: `pawl advance … --json`, told to begin at the same moment. What the
 * step does can be counted from outside: it appends a line to a file.
 */
import { spawn } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BodyOf } from '../contract/index.ts';
import { fileOfPackage } from './ownPackage.ts';
import { demoEnvironment } from './settings.ts';

export const racerCount = 8;
const startInMs = 200;

/** The cell takes a second, so that every racer asks while it runs. Its inputs are parameters: the file, and nothing else. */
export const raceRunbook = `---
runbook: race
title: One visible effect
params:
  file: { type: string, minLength: 1 }
---
# One visible effect

\`\`\`sh { name=effect timeout=10s }
echo "the effect happened, process $$" >> "$PAWL_PARAM_FILE"
sleep 1
\`\`\`
`;

/** `refused`: told that another caller holds the step, or that the journal moved on. */
export type Racer = { number: number; exit: number | null; told: string; ran: boolean; refused: boolean };

const launcher = fileURLToPath(fileOfPackage('bin/pawl.js'));
/** Built, it is a module beside this one's. */
const gate = fileURLToPath(new URL(`./gate${extname(fileURLToPath(import.meta.url))}`, import.meta.url));

type Parsed = Partial<BodyOf<'advance'>> & { error?: { code?: string; message?: string } };

const tellOf = (stdout: string, stderr: string): Pick<Racer, 'told' | 'ran' | 'refused'> => {
  const neither = { ran: false, refused: false };
  let parsed: Parsed;
  try {
    parsed = JSON.parse(stdout) as Parsed;
  } catch {
    return { told: `no answer: ${stderr.trim() || 'it was silent'}`, ...neither };
  }
  if (parsed.error !== undefined) {
    const { code, message } = parsed.error;
    return { told: `${code}: ${message}`, ran: false, refused: code === 'step.inFlight' || code === 'seq.stale' };
  }
  const [step] = parsed.steps ?? [];
  if (step === undefined) return { told: `${parsed.result}: nothing ran`, ...neither };
  const told = `won: reserved seq ${step.seq}, ran ${step.cell}, recorded ${step.status}`;
  return { told, ran: true, refused: false };
};

/** A racer loads everything, says so, and waits for the word. */
const enter = (number: number, args: string[], dataDir: string) => {
  const child = spawn(process.execPath, [...process.execArgv, '--import', gate, launcher, ...args], {
    env: demoEnvironment(`racer-${number}`, dataDir),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const finished = new Promise<Racer>((resolve) => {
    child.once('error', (error) =>
      resolve({ number, exit: null, told: `could not start: ${error.message}`, ran: false, refused: false }),
    );
    child.once('close', (exit) => resolve({ number, exit, ...tellOf(stdout, stderr) }));
  });
  const ready = Promise.race([new Promise<void>((resolve) => void child.once('message', () => resolve())), finished]);
  return { child, ready, finished };
};

/** Lets eight processes ask for the same step of an instance at the same moment, and says what each was told. */
export const race = async (instanceId: string, expectedSeq: number, dataDir: string): Promise<Racer[]> => {
  const args = ['advance', instanceId, '--cell', 'effect', '--expected-seq', String(expectedSeq), '--json'];
  const racers = Array.from({ length: racerCount }, (_, index) => enter(index + 1, args, dataDir));
  try {
    await Promise.all(racers.map(({ ready }) => ready));
    // One moment for all, not one message after the other: the first one told would always win.
    const startAtMs = Date.now() + startInMs;
    for (const { child } of racers) if (child.connected) child.send(startAtMs);
    return await Promise.all(racers.map(({ finished }) => finished));
  } finally {
    for (const { child } of racers) child.kill('SIGKILL');
  }
};
