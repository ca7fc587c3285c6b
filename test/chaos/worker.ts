/**
 * The service in a process that dies at any moment: the handlers of `api`, `work` and `tick` behind HTTP, on real tables,
 * with real cells. Its argument is a `WorkerOptions` as JSON. It tells its parent when a cell begins and ends, so that the
 * parent can kill it in between, and ends with its parent.
 */

import module from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createExecute } from '../../src/cells/index.ts';
import type { Execute } from '../../src/engine/index.ts';
import { createClient } from '../../src/store/dynamodb.ts';
import { createStore } from '../../src/store/index.ts';
import { beSilent, serve } from '../support/served.ts';
import { stepOf } from './steps.ts';

export type WorkerOptions = {
  endpoint: string;
  prefix: string;
  graceMs: number;
  httpAllow: string[];
  /** Time of an invocation of `work`. Whom a dead one held is due again after it. */
  workMs: number;
};
const { endpoint, prefix, graceMs, httpAllow, workMs }: WorkerOptions = JSON.parse(process.argv[2] ?? '');
const { client, clock } = createClient({ tablesPrefix: prefix, endpoint });
const store = createStore(client, { clock });
const deployment = { name: 'chaos', epoch: 0, takeoverGraceMs: graceMs };

const really = createExecute({ httpAllow });
const execute: Execute = async (input) => {
  const { body, step } = input;
  process.send?.({ begins: stepOf(step.instanceId, step.seq) });
  // For the witness: by which reservation it comes.
  const marked = body.kind === 'http' ? { ...body, headers: [...body.headers, ['x-seq', String(step.seq)]] } : body;
  try {
    return await really({ ...input, body: marked as typeof body });
  } finally {
    process.send?.({ ends: true });
  }
};

/** What this process holds: `heapMb` is what is left after a collection of garbage. */
export type Held = { heapMb: number; rssMb: number; handles: number };
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const held = (): Held => {
  collect();
  const { heapUsed, rss } = process.memoryUsage();
  const mb = (bytes: number): number => Number((bytes / 1_048_576).toFixed(1));
  return { heapMb: mb(heapUsed), rssMb: mb(rss), handles: process.getActiveResourcesInfo().length };
};

beSilent();
process.on('disconnect', () => process.exit(0));
const port = await serve({ store, clock, execute, deployment, workMs, others: { '/held': held } });
// It will not end in a way that keeps what was compiled, and whoever takes its place starts sooner with it.
module.flushCompileCache();
process.send?.({ port });
