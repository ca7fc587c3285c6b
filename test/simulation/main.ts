import { parseArgs } from 'node:util';
import { simulate } from './simulate.ts';
const { values } = parseArgs({ options: { seeds: { type: 'string', default: '1000' }, from: { type: 'string', default: '1' }, trace: { type: 'boolean', default: false }, all: { type: 'boolean', default: false } } });
const [seeds, from] = [Number(values.seeds), Number(values.from)];
const begunAt = performance.now();
const totals: Record<string, number> = {};
const branches: Record<string, number> = {};
const rules: Record<string, number[]> = {};
const add = (name: string, n: number): void => { totals[name] = (totals[name] ?? 0) + n; };
for (let seed = from; seed < from + seeds; seed += 1) {
  const one = await simulate(seed, values.trace);
  if (values.trace) console.log(one.trace.join('\n'));
  for (const [kind, n] of Object.entries({ ...one.counts, ...one.faults, entries: one.journal.length, lines: one.trace.length })) add(kind, n);
  add(`ended ${one.ended}`, 1);
  for (const b of one.branches) branches[b] = (branches[b] ?? 0) + 1;
  if (one.broken) {
    const key = one.broken.message.replace(/\d+/g, 'N').replace(/\b[abc]\.N#N/g,'X').slice(0, 110);
    (rules[key] ??= []).push(seed);
    if (!values.all) { console.log(seed, one.broken); process.exitCode = 1; break; }
  }
}
console.log(`${seeds} schedules from seed ${from} in ${Math.round(performance.now() - begunAt)} ms`, totals, branches);
for (const [k, v] of Object.entries(rules)) console.log(v.length, k, v.slice(0, 6).join(' '));
