/** Headings that are odd: what Markdown reads as a section is one, and what only looks like one is refused, never passed by. */
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { limits } from '../../src/engine/index.ts';

const front = '---\nrunbook: demo\n---\n';
const cell = '```sh { name=a }\ntrue\n```\n';
const braces = '{ when="1 == 2" }';
const read = (source: string): { sections: string[]; problems: string[] } => {
  const result = authoring.compile(source);
  if (result.kind === 'problems')
    return { sections: [], problems: result.problems.map((one) => `${one.line}:${one.column} ${one.message}`) };
  const { cells } = result.runbook;
  return { sections: cells.flatMap(({ name, body }) => (body.kind === 'branch' ? [name] : [])), problems: [] };
};
const asText =
  'this looks like the heading of a section, but Markdown reads it as text: mind the blank after its marks, indentation, and HTML around it';
const open = 'these braces do not end the heading: close them with `}`, and let nothing stand after that';

describe('a section begins', () => {
  test.each<[string, string]>([
    ['after a byte order mark', `\uFEFF${front}## A ${braces}\n${cell}`],
    ['in a document of CRLF', `${front}## A ${braces}\n${cell}`.replaceAll('\n', '\r\n')],
    ['in a document of CR', `${front}## A ${braces}\n${cell}`.replaceAll('\n', '\r')],
    ['under an underline', `${front}A ${braces}\n---\n${cell}`],
    ['under an underline of CRLF', `${front}A ${braces}\n===\n${cell}`.replaceAll('\n', '\r\n')],
    ['three blanks in', `${front}   ## A ${braces}\n${cell}`],
    ['with blanks after it', `${front}##   A   ${braces}  \t \n${cell}`],
    ['with closing marks', `${front}## A ${braces} ##\n${cell}`],
    ['after another brace', `${front}## {A ${braces}\n${cell}`.replace('{A', 'A {x')],
    ['with quoted braces', `${front}## A { when="'}' == '{'" }\n${cell}`],
    ['with a quoted quote', `${front}## A { when="'\\"' == 'b'" }\n${cell}`],
  ])('%s', (_, source) => {
    const { sections, problems } = read(source);
    expect(problems).toEqual([]);
    expect(sections).toHaveLength(1);
  });

  test.each<[string, string]>([
    ['in a fence', `\`\`\`text\n## A ${braces}\n\`\`\`\n`],
    ['in a comment', `<!--\n## A ${braces}\n-->\n`],
    ['in what is quoted as code', `## The words \`${braces}\`\n`],
    ['in a sentence', `Write # and then ${braces}\n`],
    ['with an id', '## A {#when}\n'],
  ])('nowhere %s', (_, text) => {
    expect(read(`${front}${text}\n${cell}`)).toEqual({ sections: [], problems: [] });
  });
});

describe('what looks like a section is refused where it is none:', () => {
  test.each<[string, string, string[]]>([
    ['no blank after the marks', `##A ${braces}\n`, [`4:1 ${asText}`]],
    ['seven marks', `####### A ${braces}\n`, [`4:1 ${asText}`]],
    ['four blanks in', `Text\n\n    ## A ${braces}\n`, [`6:5 ${asText}`]],
    ['in a paragraph of a list', `- text\n  ##A { else }\n`, [`5:3 ${asText}`]],
    ['HTML around it', `<div>\n## A ${braces}\n</div>\n\n`, [`5:1 ${asText}`]],
    ['no blank before the braces', `## A${braces}\n`, [`4:1 ${open}`]],
    ['something after the braces', `## A ${braces}.\n`, [`4:1 ${open}`]],
    ['braces that stay open', `## A { when="1 == 2"\n`, [`4:1 ${open}`]],
    ['quotes that stay open', `## A { when="1 == 2 }\n`, [`4:1 ${open}`]],
    [
      'in a quotation',
      `> ## A ${braces}\n\n`,
      ['4:1 a section begins with a heading that stands in no list and no quotation; move it out'],
    ],
  ])('%s', (_, text, told) => {
    expect(read(`${front}${text}${cell}`).problems).toEqual(told);
  });

  test('braces in another line than the last one of an underlined heading', () => {
    expect(read(`${front}A ${braces}\nand more\n---\n${cell}`).problems).toEqual([`4:1 ${open}`]);
  });
});

test('sections that no runbook may have are refused by the limit of cells, the first that is too many', () => {
  const one = (n: number): string => `# A ${braces}\n\`\`\`sh { name=a${n} }\n:\n\`\`\`\n`;
  const many = (count: number): string => front + Array.from({ length: count }, (_, n) => one(n)).join('');
  expect(read(many(limits.cellsPerRunbookMax / 2)).sections).toHaveLength(250);
  expect(read(many(1_000)).problems).toEqual([
    '1004:1 a runbook has at most 500 cells (cellsPerRunbookMax), sections among them; this is one more',
  ]);
});
