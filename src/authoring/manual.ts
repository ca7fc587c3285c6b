/** `manual`: what a person is to do, and, between two lines of `---` before that, what they are asked. */
import type { CellBody } from '../engine/index.ts';
import { checkSchema } from './jsonSchema.ts';
import type { Reads, Surroundings } from './surroundings.ts';
import { asText, readTemplate } from './templates.ts';
import { linesOf, quote, type Report, slice, suggest, type Text, trim } from './text.ts';
import { readYaml } from './yaml.ts';

type Manual = Omit<Extract<CellBody, { kind: 'manual' }>, 'kind'>;

/** The front of a body and what stands after it; a body that does not begin with a line of dashes has none. */
const partsOf = (body: Text, report: Report): { front: Text | null; rest: Text } => {
  const [first, ...lines] = linesOf(body);
  if (first?.text.trimEnd() !== '---') return { front: null, rest: body };
  let end = first.text.length + 1;
  for (const line of lines) {
    const next = end + line.text.length + 1;
    if (line.text.trimEnd() === '---')
      return { front: slice(body, first.text.length + 1, end), rest: slice(body, Math.min(next, body.text.length)) };
    end = next;
  }
  report(body.at(0), 'what is asked stands between two lines of `---`; the second is missing');
  return { front: null, rest: body };
};

/** The schema of an object, since its fields are asked for by their names. */
const readAnswer = (front: Text, report: Report): Record<string, unknown> | undefined => {
  const fields = readYaml(front, report, 'what a `manual` cell asks');
  if (fields === undefined) return undefined;
  for (const { key, at } of fields) {
    if (key !== 'answer')
      report(at, `unknown key ${quote(key)} in a \`manual\` cell${suggest(key, ['answer']) || '; known is `answer`'}`);
  }
  const field = fields.find(({ key }) => key === 'answer');
  if (field === undefined) {
    if (fields.length === 0) report(front.at(0), '`answer:` is missing here, the JSON Schema of what is asked');
    return undefined;
  }
  const schema = field.value;
  const isObject = field.fields() !== null && (schema as Record<string, unknown>).type === 'object';
  const properties = isObject ? (schema as Record<string, unknown>).properties : undefined;
  if (typeof properties !== 'object' || properties === null || Object.keys(properties).length === 0) {
    report(
      field.valueAt,
      '`answer` is the JSON Schema of an object, as in `{ type: object, required: [region], properties: { region: { type: string } } }`',
    );
    return undefined;
  }
  checkSchema(field, schema as Record<string, unknown>, report, 'the schema of an answer');
  return schema as Record<string, unknown>;
};

export const readManual = (body: Text, around: Surroundings, reads: Reads, report: Report): Manual => {
  const { front, rest } = partsOf(body, report);
  const answer = front === null ? undefined : readAnswer(front, report);
  if (rest.text.trim() === '') report(body.at(0), 'this manual cell has no instructions; say what the person is to do');
  const instructions = readTemplate(front === null ? rest : trim(rest), asText, around, reads, report);
  return { instructions, ...(answer === undefined ? {} : { answer }) };
};
