/** `await` cells: which claims they wait for, and with which status. */
import { type AwaitBody, type ClaimStatus, claimStatuses, limits, type Scope, type Template } from '../engine/index.ts';
import { checkExpression } from './expressions.ts';
import { type BodyOf, choose, literalOf, needsTime, type Reading, type Rendered, readLasting } from './lasting.ts';
import { asText, readTemplate, render } from './templates.ts';
import { list, quote, type Report, suggest, type Text } from './text.ts';
import { type Field, readYaml } from './yaml.ts';

const claimIdPattern = /^[A-Za-z0-9](?:[A-Za-z0-9._-]|\/(?!\/|$))*$/;

const claimIdProblem = (id: string): string | undefined =>
  id.length <= limits.claimIdCharsMax && claimIdPattern.test(id)
    ? undefined
    : `${quote(id)} is no claim id: 1 to ${limits.claimIdCharsMax} letters, digits, dots, dashes, underscores and single slashes between them (claimIdCharsMax)`;

export const readClaim = (
  text: Text,
  { around, reads, report }: Pick<Reading, 'around' | 'reads' | 'report'>,
): Template => {
  if (text.text === '') report(text.at(0), 'a claim id is missing here');
  const template = readTemplate(text, asText, around, reads, report);
  const literal = literalOf(template);
  const problem = literal === undefined || literal === '' ? undefined : claimIdProblem(literal);
  if (problem !== undefined) report(text.at(0), problem);
  return template;
};

/** The texts of a list, or of the one text that stands in its place. */
const textsOf = ({ key, valueAt, value, text, items }: Field, report: Report): Text[] => {
  const all = items() ?? (typeof value === 'string' ? [text] : []);
  if (all.length === 0) report(valueAt, `\`${key}\` is a text or a list of texts`);
  return all;
};

const awaitKeys = ['claim', 'all', 'any', 'until', 'if'];
const selectors = ['claim', 'all', 'any'];

const readUntil = (field: Field, report: Report): ClaimStatus[] =>
  textsOf(field, report).flatMap((text) => {
    const found = claimStatuses.find((status) => status === text.text);
    if (found === undefined)
      report(
        text.at(0),
        `a claim is ${list(claimStatuses).replace(' and ', ' or ')}, not ${quote(text.text)}${suggest(text.text, claimStatuses)}`,
      );
    return found === undefined ? [] : [found];
  });

export const readAwait = (body: Text, reading: Reading): BodyOf<'await'> => {
  const { around, reads, report, at } = reading;
  const found: AwaitBody = { claims: [], match: 'all', until: [], condition: null, withinMs: null, onTimeout: 'fail' };
  found.withinMs = readLasting('timeout', reading);
  found.onTimeout = choose('onTimeout', ['fail', 'continue'], 'fail', reading);
  needsTime('onTimeout', 'timeout', reading);
  const missing = (what: string): void => report(body.text.trim() === '' ? at : body.at(0), what);
  if (body.text.trim() === '') {
    missing('an `await` cell says what it waits for, as in `claim: ci/main` and `until: supported`');
    return { kind: 'await', ...found };
  }
  const fields = readYaml(body, report, 'the body of an `await` cell');
  if (fields === undefined) return { kind: 'await', ...found };
  for (const field of fields) {
    const { key, text } = field;
    if (!awaitKeys.includes(key))
      report(
        field.at,
        `unknown key ${quote(key)} in an \`await\` cell${suggest(key, awaitKeys) || `; known are ${list(awaitKeys)}`}`,
      );
    else if (key === 'until') found.until = readUntil(field, report);
    else if (key === 'if') {
      checkExpression(text, true, { ...around, roots: [...around.roots, 'claim'] }, reads, report);
      found.condition = { source: text.text, line: text.at(0).line };
    } else {
      if (found.claims.length > 0)
        report(field.at, `${list(selectors.map((one) => `\`${one}\``))} exclude each other; keep one`);
      found.claims = textsOf(field, report).map((one) => readClaim(one, reading));
      found.match = key === 'any' ? 'any' : 'all';
      if (found.claims.length > limits.claimsPerAwaitMax)
        report(
          field.valueAt,
          `an \`await\` cell waits for at most ${limits.claimsPerAwaitMax} claims (claimsPerAwaitMax)`,
        );
    }
  }
  if (!fields.some(({ key }) => selectors.includes(key)))
    missing('an `await` cell names a claim: `claim: <id>`, or `all:` or `any:` with a list of ids');
  if (!fields.some(({ key }) => key === 'until'))
    missing(`an \`await\` cell says which status it waits for: \`until: supported\` (${list(claimStatuses)})`);
  return { kind: 'await', ...found };
};

const renderAll = (
  templates: Template[],
  scope: Scope,
  whole: (text: string) => string | undefined,
): { kind: 'texts'; texts: string[] } | { kind: 'error'; message: string } => {
  const texts: string[] = [];
  for (const template of templates) {
    const rendered = render(template, scope, whole);
    if (rendered.kind === 'error') return rendered;
    texts.push(rendered.text);
  }
  return { kind: 'texts', texts: [...new Set(texts)] };
};

export const renderAwait = (body: BodyOf<'await'>, scope: Scope): Rendered => {
  const claims = renderAll(body.claims, scope, claimIdProblem);
  return claims.kind === 'error' ? claims : { kind: 'body', body: { kind: 'await', claims: claims.texts } };
};
