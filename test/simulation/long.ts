/**
 * A run of very many seeds, piece by piece. What is done is kept in a file after each piece, so that a run which was
 * ended goes on from there: a million schedules take hours.
 */
import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Failure, runSeeds } from './batch.ts';
import { addTotals, nothing, rangeSize, shareOf, type Totals } from './totals.ts';

const project = fileURLToPath(new URL('../../', import.meta.url));
/** All that a schedule runs on, beside what is installed. */
const sources = ['src', 'test/simulation', 'test/engine/runbooks.ts', 'package-lock.json'];

/** One digest over the sources: what other sources have done is no beginning of this run. */
export const sourcesHash = (): string => {
  const paths = sources
    .flatMap((path) => {
      if (/\.\w+$/.test(path)) return [path];
      const entries = readdirSync(join(project, path), { recursive: true, withFileTypes: true });
      return entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name).slice(project.length));
    })
    .sort();
  return hash('sha256', paths.map((path) => `${path}\n${readFileSync(join(project, path), 'utf8')}\n`).join(''));
};

/** The commit, as far as it says what runs. */
const commitOf = (): string => {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: project, encoding: 'utf8' }).trim();
  try {
    const changed = git('status', '--porcelain', '--', ...sources) !== '';
    return `${git('rev-parse', '--short', 'HEAD')}${changed ? ' with changes' : ''}`;
  } catch {
    return 'unknown';
  }
};

type Piece = { from: number; to: number; digest: string; totals: Totals; cpuMs: number; elapsedMs: number };
export type Long = { from: number; seeds: number; sources: string; commit: string; pieces: Piece[] };

export type LongOptions = {
  from: number;
  seeds: number;
  jobs?: number;
  /** Seeds of a piece; its end is a multiple of it. */
  pieceSeeds?: number;
  /** Called with what is done after each piece. */
  keep?: (done: Long) => void;
  onProgress?: (schedules: number) => void;
  /** What was done before. */
  before?: Long;
};

/** Why what was kept is no beginning of this run, in words. */
export const mismatchOf = (
  before: Long,
  { from, seeds }: Pick<Long, 'from' | 'seeds'>,
  mine: string,
): string | null => {
  if (before.sources !== mine) return `other sources (commit ${before.commit}) have made it: take another file`;
  if (before.from === from && before.seeds === seeds) return null;
  return `it is of --from ${before.from} --seeds ${before.seeds}`;
};

/** Runs what is not done yet, and stops at the first piece in which a rule breaks: that one is not kept. */
export const runLong = async (options: LongOptions): Promise<{ done: Long; failure: Failure | null }> => {
  const { from, seeds, jobs, pieceSeeds = rangeSize, keep, onProgress, before } = options;
  const done: Long = before ?? { from, seeds, sources: sourcesHash(), commit: commitOf(), pieces: [] };
  const end = from + seeds;
  for (let at = (done.pieces.at(-1)?.to ?? from - 1) + 1; at < end; ) {
    const next = Math.min(end, Math.floor((at - 1) / pieceSeeds + 1) * pieceSeeds + 1);
    const ran = await runSeeds({ from: at, seeds: next - at, ...(jobs === undefined ? {} : { jobs }) });
    const { failure, digest, totals, cpuMs, elapsedMs } = ran;
    if (failure !== null || digest === null) return { done, failure };
    done.pieces.push({ from: at, to: next - 1, digest, totals, cpuMs, elapsedMs });
    keep?.(done);
    onProgress?.(next - from);
    at = next;
  }
  return { done, failure: null };
};

export const readLong = (file: string): Long | undefined =>
  existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Long) : undefined;

/** Whole or not at all, whenever the process is ended. */
export const keepLong = (file: string, done: Long): void => {
  writeFileSync(`${file}.part`, `${JSON.stringify(done)}\n`);
  renameSync(`${file}.part`, file);
};

export const totalsOf = ({ pieces }: Long): Totals => {
  const totals = nothing();
  for (const piece of pieces) addTotals(totals, piece.totals);
  return totals;
};

const count = (n: number): string => n.toLocaleString('en-US');
const percent = (totals: Totals): string => `${(100 * shareOf(totals)).toFixed(2)} %`;

/** `docs/schedules.md`: what was run by which commit, and a row for each piece. */
export const documentOf = (long: Long): string => {
  const { from, seeds, commit, pieces } = long;
  const totals = totalsOf(long);
  const { counts, schedules } = totals;
  const cpuMs = pieces.reduce((sum, piece) => sum + piece.cpuMs, 0);
  const struck = Object.entries(totals.faults).map(([kind, n]) => `${kind} ${count(n)}`);
  const ways = Object.entries(totals.branches)
    .sort(([, a], [, b]) => b - a)
    .map(([name, n]) => `${name} ${count(n)}`);
  const ends = Object.entries(totals.ends)
    .sort()
    .map(([name, n]) => `${name} ${count(n)}`);
  const rows = pieces.map(
    (piece) =>
      `| ${piece.from}–${piece.to} | \`${piece.digest}\` | ${count(piece.totals.counts.begins)} | ${count(piece.totals.counts.calls)} | ${percent(piece.totals)} | ${(piece.cpuMs / piece.totals.schedules).toFixed(1)} |`,
  );
  return [
    '# Schedules',
    '',
    `What the simulation ran (\`docs/reliability.md\` says what it is), written by`,
    `\`npm run --silent simulate -- --from ${from} --seeds ${seeds} --markdown\`. No rule broke in any of them.`,
    '',
    `Commit \`${commit}\`: ${count(schedules)} schedules (seeds ${from} to ${from + schedules - 1}), ${(cpuMs / Math.max(1, schedules)).toFixed(1)} ms of processor time each.`,
    '',
    `Bodies begun ${count(counts.begins)}, entries ${count(counts.entries)}, calls ${count(counts.calls)}; of these no fault struck`,
    `${count(counts.unhit)}: ${percent(totals)} were answered or rightly refused. Outcomes set aside ${count(counts.setAside)}, of which redrive`,
    `recorded ${count(counts.redriven)}. Ended: ${ends.join(', ')}.`,
    '',
    `Faults that struck: ${struck.join(', ')}.`,
    '',
    `Ways of \`decide\`: ${ways.join(', ')}.`,
    '',
    'A digest covers the trace and the journal of every schedule of its range (`test/simulation/totals.ts` says how). At that',
    'commit `npm run simulate -- --from 10001 --seeds 10000` prints the one of its range again, on any machine.',
    '',
    '| seeds | sha256 | bodies | calls | answered or rightly refused | ms each |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
};
