/**
 * Loaded before the CLI in every racer (`node --import`): loads what takes long, says that it is ready, and lets the CLI
 * begin when the race does. So the racers differ by milliseconds, not by how fast each one's modules were read.
 */
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';

await Promise.all([
  import('../store/local.ts'),
  import('../store/index.ts'),
  import('../cells/index.ts'),
  import('../handlers/index.ts'),
  import('./main.ts'),
]);
await import('../authoring/index.ts');
const startMessage = once(process, 'message');
process.send?.('ready');
const [startAtMs] = await startMessage;
await wait(Number(startAtMs) - Date.now());
// The CLI takes the end of the channel for the death of its launcher, so it has to be over before the CLI begins.
const closed = once(process, 'disconnect');
process.disconnect?.();
await closed;
