/** `npm run simulate`: runs schedules, and shows the first that breaks a rule. */
import { readOptions, refuse, seedOr } from '../support/options.ts';
import { type Batch, type Failure, runSeeds } from './batch.ts';
import { documentOf, keepLong, type Long, mismatchOf, readLong, runLong, sourcesHash, totalsOf } from './long.ts';
import { simulate } from './simulate.ts';
import { summary } from './summary.ts';
import { describeTotals, rangeSize, shareMin, shareOf } from './totals.ts';

const help = `npm run simulate -- [--from S] [--seeds N] [--jobs J] [--json]
npm run simulate -- [--from S] [--seeds N] --digest
npm run simulate -- [--from S] [--seeds N] [--state FILE] [--markdown]
npm run simulate -- --from S --seeds 1 --trace

Runs the schedules of seeds S to S+N-1: the shipped engine and store above a simulated table service, under faults.

  --from S    the first seed (drawn, the first of a full range, and told; 1 with --digest, which is there to compare)
  --seeds N   how many (10000)
  --jobs J    threads (one for each core)
  --digest    print the digest of exactly these seeds, whatever their number, and nothing else
  --trace     print what happened in each schedule, and its journal
  --json      the result as one JSON object
  --state F   keep what is done in a file after each range; the same command goes on from there (first seed: 1)
  --markdown  print the text of docs/schedules.md: what was run, and a row for each range (first seed: 1)
  --help      this text

For every full range of 10,000 seeds (1 to 10,000, 10,001 to 20,000, …) a digest is printed. It covers the trace and the
journal of each schedule, so two machines that print the same have seen the same.
Ends with 0 if every rule held, 1 if one broke or the run does not count, 2 if it was asked for wrongly.`;

const wholeNumber = (name: string, text: string, min: number): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < min || value > 2_000_000_000) {
    return refuse(`--${name} is a whole number from ${min} to 2000000000, not ${text}`);
  }
  return value;
};

const options = {
  from: { type: 'string' },
  seeds: { type: 'string', default: '10000' },
  jobs: { type: 'string' },
  digest: { type: 'boolean', default: false },
  trace: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  state: { type: 'string' },
  markdown: { type: 'boolean', default: false },
} as const;

const replay = (seed: number): string => `npm run simulate -- --from ${seed} --seeds 1 --trace`;

/** The schedule of a seed once more, with the places of defects, in lines. */
const tell = async (seed: number): Promise<string[]> => {
  const { trace, entries: standing, broken } = await simulate(seed, true);
  const entries = standing.map((entry) => `   entry ${summary(entry)}`);
  return [...trace, '   THE JOURNAL', ...entries, ...(broken === null ? [] : [broken.message])];
};

const showFailure = async (failure: Failure): Promise<void> => {
  const hangs = failure.message.includes('never waits');
  if (!hangs) console.log((await tell(failure.seed)).join('\n'));
  console.log(`seed ${failure.seed} breaks ${failure.message}`);
  console.log(`replay: ${replay(failure.seed)}`);
};

const eachMs = (cpuMs: number, schedules: number): string => (cpuMs / Math.max(1, schedules)).toFixed(2);

const showBatch = async (batch: Batch): Promise<void> => {
  for (const { from, to, digest } of batch.ranges) console.log(`${from}–${to} ${digest}`);
  console.log(describeTotals(batch.totals).join('\n'));
  const { schedules } = batch.totals;
  const each = eachMs(batch.cpuMs, schedules);
  const seconds = (batch.elapsedMs / 1000).toFixed(1);
  console.log(`${schedules} schedules from seed ${batch.from} in ${seconds} s; ${each} ms of processor time each`);
  if (batch.failure !== null) await showFailure(batch.failure);
  else if (shareOf(batch.totals) < shareMin) console.log('The run does not count: too few calls were answered.');
};

const progress = (seeds: number) => {
  const step = Math.max(1_000, Math.ceil(seeds / 100));
  let shown = 0;
  return (schedules: number): void => {
    if (schedules - shown < step) return;
    shown = schedules;
    console.error(`${schedules} of ${seeds}`);
  };
};

const showLong = (done: Long): void => {
  for (const { from, to, digest } of done.pieces) console.log(`${from}–${to} ${digest}`);
  const totals = totalsOf(done);
  console.log(describeTotals(totals).join('\n'));
  const cpuMs = done.pieces.reduce((sum, piece) => sum + piece.cpuMs, 0);
  const each = eachMs(cpuMs, totals.schedules);
  console.log(`${totals.schedules} schedules from seed ${done.from}; ${each} ms of processor time each`);
};

type LongAsked = { from: number; seeds: number; jobs?: number; state: string | undefined; markdown: boolean };

const runPieces = async ({ from, seeds, jobs, state, markdown }: LongAsked): Promise<void> => {
  const before = state === undefined ? undefined : readLong(state);
  const mismatch = before && mismatchOf(before, { from, seeds }, sourcesHash());
  if (mismatch) refuse(`${state} is no beginning of this run: ${mismatch}`);
  const { done, failure } = await runLong({
    from,
    seeds,
    ...(jobs === undefined ? {} : { jobs }),
    ...(before === undefined ? {} : { before }),
    keep: (kept) => state !== undefined && keepLong(state, kept),
    onProgress: (schedules) => console.error(`${schedules} of ${seeds}`),
  });
  const counts = shareOf(totalsOf(done)) >= shareMin;
  if (failure !== null) await showFailure(failure);
  else if (markdown) console.log(documentOf(done));
  else showLong(done);
  if (failure === null && !counts) console.error('The run does not count: too few calls were answered.');
  process.exitCode = failure !== null || !counts ? 1 : 0;
};

const main = async (): Promise<void> => {
  const { values } = readOptions(help, { options });
  const given = values.from === undefined ? undefined : wholeNumber('from', values.from, 0);
  const { state, markdown } = values;
  const isLong = state !== undefined || markdown;
  const from = values.digest || isLong ? (given ?? 1) : seedOr('from', given, rangeSize);
  const seeds = wholeNumber('seeds', values.seeds, 1);
  const jobs = values.jobs === undefined ? {} : { jobs: wholeNumber('jobs', values.jobs, 1) };
  if (isLong) {
    if (values.trace || values.digest || values.json)
      refuse('--state and --markdown go with --from, --seeds and --jobs');
    return await runPieces({ from, seeds, ...jobs, state, markdown });
  }
  if (values.trace) {
    for (let seed = from; seed < from + seeds; seed += 1) console.log((await tell(seed)).join('\n'));
  }
  const onProgress = seeds > 1_000 ? { onProgress: progress(seeds) } : {};
  const batch = await runSeeds({ from, seeds, ...jobs, ...onProgress });
  const share = shareOf(batch.totals);
  const { failure } = batch;
  if (values.json) {
    const shown = failure === null ? null : { ...failure, replay: replay(failure.seed) };
    console.log(JSON.stringify({ ...batch, share, failure: shown }));
  } else if (values.trace) {
    if (failure !== null) console.log(`seed ${failure.seed} breaks ${failure.message}`);
  } else if (values.digest && batch.digest !== null) {
    console.log(`${from}–${from + seeds - 1} ${batch.digest}`);
  } else await showBatch(batch);
  process.exitCode = failure !== null || share < shareMin ? 1 : 0;
};

await main();
