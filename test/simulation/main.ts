/** `npm run simulate -- --seeds N --from S [--trace]`: runs N schedules from seed S, and stops at the first that breaks a rule. */
import { parseArgs } from 'node:util';
import { simulate } from './simulate.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10000' },
    from: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
  },
});
const [seeds, from] = [Number(values.seeds), Number(values.from)];
if (!Number.isSafeInteger(seeds) || !Number.isSafeInteger(from) || seeds < 1) {
  console.error('--seeds and --from are whole numbers; --seeds is at least 1.');
  process.exit(2);
}
const begunAt = performance.now();
const totals: Record<string, number> = { begins: 0, unhit: 0, answered: 0 };
const add = (name: string, n: number): void => {
  totals[name] = (totals[name] ?? 0) + n;
};
try {
  for (let seed = from; seed < from + seeds; seed += 1) {
    const one = await simulate(seed);
    if (values.trace) console.log(one.trace.join('\n'));
    add('begins', one.begins);
    add('unhit', one.unhit);
    add('answered', one.answered);
    for (const [kind, n] of Object.entries(one.faults)) add(kind, n);
    if ((seed - from + 1) % 10_000 === 0) console.error(`${seed - from + 1} of ${seeds}`);
  }
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
console.log(`${seeds} schedules from seed ${from} in ${Math.round((performance.now() - begunAt) / 1000)} s`, totals);
