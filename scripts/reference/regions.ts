/** The parts of docs/runbooks.md that are made of the sources, and how they are put into it. */
import { frontMatterJsonSchema } from '../../src/authoring/index.ts';
import { cellAttributes, kindTable, probeAttributes } from './attributes.ts';
import { errorTable } from './errors.ts';
import { claimList, endTable, exampleTable, functionList, scope, statusTable, stepTable } from './expressions.ts';
import { limitTable } from './limits.ts';
import { code, table } from './text.ts';

type Described = { description?: string; properties?: Record<string, Described> };

const described = (of: Described, before = ''): string[][] =>
  Object.entries(of.properties ?? {}).flatMap(([name, inner]) => [
    [code(before + name), (inner.description ?? '').replaceAll('|', '\\|')],
    ...described(inner, `${before}${name}.`),
  ]);

const frontMatterTable = (): string => table(['key', 'what'], described(frontMatterJsonSchema()));

const keywordList = (): string => {
  const { definitions } = frontMatterJsonSchema() as { definitions: { schema: { properties: object } } };
  return Object.keys(definitions.schema.properties).map(code).join(', ');
};

const scopeText = (): string =>
  `\`\`\`json\n${JSON.stringify({ params: scope.params, outputs: scope.outputs })}\n\`\`\``;

const regions: Readonly<Record<string, () => string>> = {
  'front matter': frontMatterTable,
  keywords: keywordList,
  kinds: kindTable,
  attributes: cellAttributes,
  'attributes of probes': probeAttributes,
  statuses: statusTable,
  step: stepTable,
  claim: claimList,
  ends: endTable,
  functions: functionList,
  scope: scopeText,
  expressions: exampleTable,
  errors: errorTable,
  limits: limitTable,
};

const region = /(<!-- generated: (.+?) -->\n)(.*?)(<!-- end -->)/gs;

/** The page with its regions made anew. @throws Error for a region that nothing makes, or that is missing */
export const renewed = (page: string): string => {
  const found = new Set<string>();
  const text = page.replace(region, (_, begin: string, name: string, _old: string, end: string) => {
    const make = regions[name];
    if (make === undefined) throw new Error(`Nothing makes the region ${JSON.stringify(name)}.`);
    found.add(name);
    return `${begin}${make()}\n${end}`;
  });
  const missing = Object.keys(regions).filter((name) => !found.has(name));
  if (missing.length > 0) throw new Error(`The page lacks the regions ${missing.join(', ')}.`);
  return text;
};
