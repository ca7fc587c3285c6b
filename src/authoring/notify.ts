/** `notify:` of the front matter: how people are told that one of them is needed. */
import type { Notify } from '../engine/index.ts';
import { readClaim } from './awaiting.ts';
import { readHttp } from './http.ts';
import { runFailed } from './runRoot.ts';
import { refuseHostless } from './secrets.ts';
import { noReads, type Surroundings, visitFields } from './surroundings.ts';
import { list, quote, type Report, suggest } from './text.ts';
import type { Field } from './yaml.ts';

const keys = ['http', 'claim'];
const form = '`notify: { claim: pages/oncall }`, or `notify:` with `http: |` and a request below it';

/** @param onlyParams what stands in the front matter may read */
export const readNotify = (field: Field, onlyParams: Surroundings, report: Report): Notify | undefined => {
  const { valueAt } = field;
  const inner = field.fields() ?? [];
  for (const { key, at } of inner)
    if (!keys.includes(key))
      report(at, `unknown key ${quote(key)} in \`notify\`${suggest(key, keys) || `; known are ${list(keys)}`}`);
  const ways = inner.filter(({ key }) => keys.includes(key));
  const [way] = ways;
  if (way === undefined || ways.length > 1) {
    report(valueAt, `\`notify\` names one way: ${form}`);
    return undefined;
  }
  const { line } = way.at;
  if (typeof way.value !== 'string' || way.value.trim() === '') {
    report(way.valueAt, `\`${way.key}\` is a text here: ${form}`);
    return undefined;
  }
  const around: Surroundings = {
    ...onlyParams,
    roots: ['params', 'step', 'run'],
    stepFields: visitFields,
    present: new Set([runFailed]),
  };
  const reads = noReads();
  const reading = { around, reads, report, at: way.valueAt };
  if (way.key === 'claim') return { line, kind: 'claim', claim: readClaim(way.text, reading) };
  const request = readHttp(way.text, 'byType', reading);
  const uses = [...reads.uses.names].sort();
  refuseHostless(uses, way.valueAt, around.secrets, report);
  return { line, kind: 'http', ...request, uses };
};
