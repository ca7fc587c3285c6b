/** Hostile documents, each with the number of its entry in table.ts and what the refusal has to say. */
export type Hostile = { entry: number; name: string; source: string; says: RegExp };

const cell = '```sh { name=a }\ntrue\n```\n';
const front = (yaml: string, body = cell): string => `---\nrunbook: demo\n${yaml}\n---\n${body}`;
const body = (text: string): string => front('title: Demo', text);

/** Nine lists of nine references each: 308 bytes that would be 400 million texts. */
const bomb = [
  'a: &a ["x","x","x","x","x","x","x","x","x"]',
  ...'bcdefghi'.split('').map((name, i) => {
    const before = 'abcdefgh'[i];
    return `${name}: &${name} [${Array.from({ length: 6 }, () => `*${before}`).join(',')}]`;
  }),
].join('\n');

export const refusedDocuments: Hostile[] = [
  { entry: 1, name: 'an alias bomb', source: front(bomb), says: /YAML anchors are not read here/ },
  {
    entry: 2,
    name: '5,000 nested lists',
    source: front(`params: ${'['.repeat(5_000)}`),
    says: /nested deeper than 20 levels/,
  },
  {
    entry: 3,
    name: 'a tag that makes a function',
    source: front('title: !!js/function "x"'),
    says: /the YAML tag `tag:yaml.org,2002:js\/function` is not read/,
  },
  { entry: 3, name: 'a tag of its own', source: front('title: !mine x'), says: /the YAML tag `!mine` is not read/ },
  {
    entry: 3,
    name: 'a binary tag',
    source: front('title: !!binary aGVsbG8='),
    says: /the YAML tag `tag:yaml.org,2002:binary` is not read/,
  },
  { entry: 4, name: 'a key twice', source: front('title: a\ntitle: b'), says: /the key `title` stands here twice/ },
  {
    entry: 4,
    name: 'a key twice, inside of a parameter',
    source: front('params: { n: { type: integer, type: string } }'),
    says: /the key `type` stands here twice/,
  },
  {
    entry: 5,
    name: 'a merge key with __proto__',
    source: front('params: { <<: { __proto__: { type: string } } }'),
    says: /YAML merge keys are not read here/,
  },
  {
    entry: 7,
    name: 'a cell named ../x',
    source: body('```sh { name=../x }\ntrue\n```\n'),
    says: /`..\/x` is not a name/,
  },
  { entry: 7, name: 'a cell named a#b', source: body('```sh { name=a#b }\ntrue\n```\n'), says: /`a#b` is not a name/ },
  { entry: 7, name: 'a cell without a name', source: body('```sh { name= }\ntrue\n```\n'), says: /`name` is empty/ },
  {
    entry: 7,
    name: 'a cell with an empty name',
    source: body('```sh { name="" }\ntrue\n```\n'),
    says: /`name` is empty/,
  },
  {
    entry: 7,
    name: 'expectations of an empty name',
    source: body(`${cell}\`\`\`cel { expect="" }\nfalse\n\`\`\`\n`),
    says: /`expect` is empty/,
  },
  {
    entry: 7,
    name: 'a probe of an empty name',
    source: body(`${cell}\`\`\`sh { probe="" }\ntrue\n\`\`\`\n`),
    says: /`probe` is empty/,
  },
  {
    entry: 7,
    name: 'a name of 1 KB',
    source: body(`\`\`\`sh { name=${'x'.repeat(1_024)} }\ntrue\n\`\`\`\n`),
    says: /`x{60}…` is not a name; .* at most 64 characters/,
  },
  {
    entry: 7,
    name: 'a cell named __proto__',
    source: body('```sh { name=__proto__ }\ntrue\n```\n```assert { name=b }\noutputs.__proto__ == 1\n```\n'),
    says: /`__proto__` cannot be a name/,
  },
  {
    entry: 8,
    name: 'a parameter named __proto__',
    source: front('params: { __proto__: { type: string } }'),
    says: /`__proto__` cannot be a key here/,
  },
  {
    entry: 9,
    name: '10,001 cells',
    source: body(Array.from({ length: 10_001 }, (_, i) => `\`\`\`sh {name=a${i}}\n:\n\`\`\`\n`).join('')),
    says: /at most 500 cells \(cellsPerRunbookMax\)/,
  },
  {
    entry: 10,
    name: 'an idempotency key of its own',
    source: body('```http { name=a }\nPOST https://example.com/\nIdempotency-Key: mine\n```\n'),
    says: /the header `Idempotency-Key` is written by Pawl/,
  },
  {
    entry: 13,
    name: 'a fence of a language that is none',
    source: body('```python { name=a }\npass\n```\n'),
    says: /unknown kind of cell `python`/,
  },
  {
    entry: 13,
    name: 'a fence that names a runner',
    source: body('```sh { name=a runner=python }\ntrue\n```\n'),
    says: /unknown attribute `runner` for `sh` cells/,
  },
  {
    entry: 17,
    name: 'an expression that asks for the constructor of a constructor',
    source: body(`${cell}\`\`\`cel { expect=a }\nthis.constructor.constructor('return process')()\n\`\`\`\n`),
    says: /this expression cannot be used: Unexpected character: '\('/,
  },
  {
    entry: 18,
    name: 'the same through a template literal',
    source: body(`${cell}\`\`\`cel { expect=a }\noutput[\`con\${"structor"}\`]\n\`\`\`\n`),
    says: /this expression cannot be used: Unexpected character: `/,
  },
  {
    entry: 19,
    name: 'an assignment',
    source: body(`${cell}\`\`\`cel { expect=a }\n__proto__.x = 1\n\`\`\`\n`),
    says: /this expression cannot be used: Reserved identifier: __proto__/,
  },
  {
    entry: 20,
    name: 'a method that repeats',
    source: body(`${cell}\`\`\`cel { expect=a }\n"x".repeat(1000000000) == ""\n\`\`\`\n`),
    says: /there is no function `repeat`/,
  },
  {
    entry: 20,
    name: 'a power',
    source: body(`${cell}\`\`\`cel { expect=a }\n1e9**9 > 0\n\`\`\`\n`),
    says: /this expression cannot be used: Unexpected token: MULTIPLY/,
  },
  {
    entry: 20,
    name: 'an expression that is too long',
    source: body(`${cell}\`\`\`cel { expect=a }\n${'('.repeat(2_000)}true${')'.repeat(2_000)}\n\`\`\`\n`),
    says: /at most 4000 characters \(expressionCharsMax\)/,
  },
  {
    entry: 20,
    name: 'an expression that is nested too deep',
    source: body(`${cell}\`\`\`cel { expect=a }\n${'('.repeat(1_900)}true${')'.repeat(1_900)}\n\`\`\`\n`),
    says: /this expression cannot be used: Exceeded maxDepth \(50\)/,
  },
  ...['file:///etc/passwd', 'ftp://example.com/', 'data:text/plain,x', 'gopher://example.com/'].map((url) => ({
    entry: 28,
    name: `a request to ${url}`,
    source: body(`\`\`\`http { name=a }\nGET ${url}\n\`\`\`\n`),
    says: /must begin with `http:\/\/` or `https:\/\/`/,
  })),
  {
    entry: 29,
    name: 'a header with a carriage return in it: what comes after it is a header of its own',
    source: body('```http { name=a }\nGET https://example.com/\nX-A: b\rHost: evil\n```\n'),
    says: /the header `Host` is written by Pawl/,
  },
  {
    entry: 30,
    name: 'a header Host',
    source: body('```http { name=a }\nGET https://example.com/\nHost: {{ params.h }}\n```\n'),
    says: /the header `Host` is written by Pawl/,
  },
  {
    entry: 35,
    name: 'credentials in the URL',
    source: body('```http { name=a }\nGET https://user:pass@example.com/\n```\n'),
    says: /a user name or password does not belong in the URL/,
  },
];

/** What Markdown parsers have choked on: these publish, or are refused, but they end. */
export const longMarks = ['~', '*', '[', '*]', '![', '<', '`', '> ', '- ', '|', '[](', '\t'].map((mark) => ({
  mark,
  source: body(`${mark.repeat(100_000)}\n\n${cell}`),
}));

const long = 290_000;
const filled = (part: string): string => part.repeat(Math.floor(long / part.length));
const numbered = (part: (n: number) => string): string =>
  Array.from({ length: Math.floor(long / part(10_000).length) }, (_, n) => part(n)).join('');
/** Documents as long as they may be that have headings and little else. */
export const longHeadings: { what: string; source: string }[] = [
  { what: 'sections of one name', source: filled('## A { when="true" }\n') },
  { what: 'sections of other names', source: numbered((n) => `## A { when="true" name=a${n} }\n`) },
  { what: 'sections in one another', source: numbered((n) => `${'#'.repeat(1 + (n % 6))} A { when="true" }\n`) },
  { what: 'sections and their else', source: filled('# A { when="true" }\n# B { else }\n') },
  { what: 'sections with a cell', source: numbered((n) => `# A { when="true" }\n\`\`\`sh {name=a${n}}\n:\n\`\`\`\n`) },
  { what: 'underlined sections', source: filled('A { when="true" }\n===\n') },
  { what: 'quoted sections', source: filled('> ## A { when="true" }\n') },
  { what: 'sections in lists', source: filled('- ## A { when="true" }\n') },
  { what: 'braces that stay open', source: filled('## A { when="true\n') },
  { what: 'headings that are text', source: filled('##A { when="true" }\n') },
  { what: 'one section and many headings', source: `# A { when="true" }\n${filled('## A\n')}` },
  { what: 'a heading of open braces', source: `## A${filled(' {')} }\n` },
  { what: 'a heading of escaped quotes', source: `## A${filled(' {\\"')} }\n` },
  { what: 'a heading of quotes in quotes', source: `## A${filled(' {"\\"')} }\n` },
  { what: 'a heading of attributes', source: `## A { when="true" ${filled('a="" ')}}\n` },
  { what: 'an underlined heading of many lines', source: `${filled('A\n')}A { when="true" }\n===\n` },
].map(({ what, source }) => ({ what, source: body(`${source}\n${cell}`) }));
