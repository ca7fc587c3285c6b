/** A thread of `batch.ts`: runs the seeds it is given, and says which one it is at, so that one that hangs is found. */
import { parentPort, workerData } from 'node:worker_threads';
import type { ChunkDone, ChunkWanted } from './batch.ts';
import { simulate } from './simulate.ts';
import { addOne, digestOf, nothing } from './totals.ts';

const at = new Int32Array(workerData as SharedArrayBuffer);

const runChunk = async ({ from, seeds }: ChunkWanted): Promise<ChunkDone> => {
  const totals = nothing();
  const digests: string[] = [];
  for (let seed = from; seed < from + seeds; seed += 1) {
    Atomics.store(at, 0, seed);
    const one = await simulate(seed);
    addOne(totals, one);
    digests.push(digestOf(one));
    if (one.broken !== null) return { from, totals, digests, failure: { seed, ...one.broken } };
  }
  return { from, totals, digests, failure: null };
};

parentPort?.on('message', (wanted: ChunkWanted) => {
  void runChunk(wanted).then((done) => parentPort?.postMessage(done));
});
