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
  { entry: 1, name: 'an alias bomb', source: front(bomb), says: /alias|anchor|unknown|not known|no field/i },
  { entry: 2, name: '5,000 nested lists', source: front(`params: ${'['.repeat(5_000)}`), says: /nest|deep/i },
  { entry: 3, name: 'a tag that makes a function', source: front('title: !!js/function "x"'), says: /tag/i },
  { entry: 3, name: 'a tag of its own', source: front('title: !mine x'), says: /tag/i },
  { entry: 3, name: 'a binary tag', source: front('title: !!binary aGVsbG8='), says: /tag/i },
  { entry: 4, name: 'a key twice', source: front('title: a\ntitle: b'), says: /twice|duplicate|unique/i },
  {
    entry: 4,
    name: 'a key twice, inside of a parameter',
    source: front('params: { n: { type: integer, type: string } }'),
    says: /twice|duplicate|unique/i,
  },
  {
    entry: 5,
    name: 'a merge key with __proto__',
    source: front('params: { <<: { __proto__: { type: string } } }'),
    says: /./,
  },
  { entry: 7, name: 'a cell named ../x', source: body('```sh { name=../x }\ntrue\n```\n'), says: /name/i },
  { entry: 7, name: 'a cell named a#b', source: body('```sh { name=a#b }\ntrue\n```\n'), says: /name/i },
  { entry: 7, name: 'a cell without a name', source: body('```sh { name= }\ntrue\n```\n'), says: /name/i },
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
    says: /name/i,
  },
  {
    entry: 7,
    name: 'a cell named __proto__',
    source: body('```sh { name=__proto__ }\ntrue\n```\n```assert { name=b }\noutputs.__proto__ == 1\n```\n'),
    says: /__proto__/,
  },
  {
    entry: 8,
    name: 'a parameter named __proto__',
    source: front('params: { __proto__: { type: string } }'),
    says: /__proto__/,
  },
  {
    entry: 9,
    name: '10,001 cells',
    source: body(Array.from({ length: 10_001 }, (_, i) => `\`\`\`sh {name=a${i}}\n:\n\`\`\`\n`).join('')),
    says: /cellsPerRunbookMax|500/,
  },
  {
    entry: 10,
    name: 'an idempotency key of its own',
    source: body('```http { name=a }\nPOST https://example.com/\nIdempotency-Key: mine\n```\n'),
    says: /Idempotency-Key/i,
  },
  {
    entry: 13,
    name: 'a fence of a language that is none',
    source: body('```python { name=a }\npass\n```\n'),
    says: /python/,
  },
  {
    entry: 13,
    name: 'a fence that names a runner',
    source: body('```sh { name=a runner=python }\ntrue\n```\n'),
    says: /runner/,
  },
  {
    entry: 17,
    name: 'an expression that asks for the constructor of a constructor',
    source: body(`${cell}\`\`\`cel { expect=a }\nthis.constructor.constructor('return process')()\n\`\`\`\n`),
    says: /./,
  },
  {
    entry: 18,
    name: 'the same through a template literal',
    source: body(`${cell}\`\`\`cel { expect=a }\noutput[\`con\${"structor"}\`]\n\`\`\`\n`),
    says: /./,
  },
  {
    entry: 19,
    name: 'an assignment',
    source: body(`${cell}\`\`\`cel { expect=a }\n__proto__.x = 1\n\`\`\`\n`),
    says: /./,
  },
  {
    entry: 20,
    name: 'a method that repeats',
    source: body(`${cell}\`\`\`cel { expect=a }\n"x".repeat(1000000000) == ""\n\`\`\`\n`),
    says: /repeat/,
  },
  { entry: 20, name: 'a power', source: body(`${cell}\`\`\`cel { expect=a }\n1e9**9 > 0\n\`\`\`\n`), says: /./ },
  {
    entry: 20,
    name: 'an expression that is nested too deep',
    source: body(`${cell}\`\`\`cel { expect=a }\n${'('.repeat(2_000)}true${')'.repeat(2_000)}\n\`\`\`\n`),
    says: /deep|nest|expressionCharsMax|long/i,
  },
  ...[
    'http://169.254.169.254/',
    'file:///etc/passwd',
    'ftp://example.com/',
    'data:text/plain,x',
    'gopher://example.com/',
  ]
    .slice(1)
    .map((url) => ({
      entry: 28,
      name: `a request to ${url}`,
      source: body(`\`\`\`http { name=a }\nGET ${url}\n\`\`\`\n`),
      says: /http:\/\//,
    })),
  {
    entry: 29,
    name: 'a header with a line break in it',
    source: body('```http { name=a }\nGET https://example.com/\nX-A: b\rHost: evil\n```\n'),
    says: /Latin-1|header/,
  },
  {
    entry: 30,
    name: 'a header Host',
    source: body('```http { name=a }\nGET https://example.com/\nHost: {{ params.h }}\n```\n'),
    says: /Host/,
  },
  {
    entry: 35,
    name: 'credentials in the URL',
    source: body('```http { name=a }\nGET https://user:pass@example.com/\n```\n'),
    says: /password/,
  },
];

/** What Markdown parsers have choked on: these publish, or are refused, but they end. */
export const longMarks = ['~', '*', '[', '*]', '![', '<', '`', '> ', '- ', '|', '[](', '\t'].map((mark) => ({
  mark,
  source: body(`${mark.repeat(100_000)}\n\n${cell}`),
}));
