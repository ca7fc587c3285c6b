/**
 * Begins a runner that is to stand ready: whoever gives it a job waits for each function that is compiled at its first call, and here
 * there is time before. Of ours alone: Node's own modules come compiled, and are only taken so with the flags that they were compiled with.
 * So those that the runner has are there before the flag is set.
 */
import 'node:buffer';
import 'node:child_process';
import 'node:events';
import 'node:fs/promises';
import 'node:path';
import 'node:string_decoder';
import 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--no-lazy');
await import('./runner.mjs');
setFlagsFromString('--lazy');
