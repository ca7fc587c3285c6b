/** Hostile documents about what cells reach for: secrets, needs, places, AWS, schemas. As in `documents.ts`, by the entry that each neighbours. */
import type { Hostile } from './documents.ts';

const sh = '```sh { name=a }\ntrue\n```\n';
const front = (yaml: string, body = sh): string => `---\nrunbook: demo\n${yaml}\n---\n${body}`;
const secret = (declared: string): string => front(`secrets: ${declared}`);
const using = (cell: string): string => front('secrets: { X: { from: "ssm:/a/b", hosts: [a.example] } }', cell);
const aws = (attributes: string, input: string): string =>
  front('params: { p: { type: string } }', `\`\`\`aws { name=a ${attributes} }\n${input}\n\`\`\`\n`);
const put = (input: string): string => aws('service=dynamodb action=PutItem', input);
const query = (input: string): string => aws('service=dynamodb action=Query', `TableName: t\n${input}`);
const asked = (attributes: string): string => aws(`service=rds action=DescribeDBClusters ${attributes}`, '');
const schema = (text: string): string =>
  front(
    'title: Demo',
    `\`\`\`js { name=a }\nexport default () => 1\n\`\`\`\n\`\`\`json { schema=a }\n${text}\n\`\`\`\n`,
  );
const signed = (sigv4: string): string =>
  front('title: Demo', `\`\`\`http { name=a sigv4="${sigv4}" }\nGET https://x.amazonaws.com/\n\`\`\`\n`);
const times = (count: number, open: string, close: string, inside = 'true'): string =>
  `${open.repeat(count)}${inside}${close.repeat(count)}`;

const rows = (all: [entry: number, name: string, source: string, says: RegExp][]): Hostile[] =>
  all.map(([entry, name, source, says]) => ({ entry, name, source, says }));

const isKey = /`__proto__` cannot be a key here/;
const tooDeep = /nested deeper than 20 levels/;
const twice = /stands here twice/;

const yaml = rows([
  [1, 'an alias in the input of an aws cell', put('TableName: &a t\nItem: *a'), /YAML anchors are not read here/],
  [1, 'an alias among the hosts of a secret', secret('{ X: { from: "env:A", hosts: [&a x, *a] } }'), /YAML anchors/],
  [2, '5,000 lists in the input of an aws cell', put(`TableName: t\nItem: ${'['.repeat(5_000)}`), tooDeep],
  [2, '5,000 levels of a schema', schema(times(5_000, '{"not":', '}')), tooDeep],
  [3, 'a tag that makes a function, in the input of an aws cell', put('TableName: !!js/function "x"'), /the YAML tag/],
  [4, 'a member twice', put('TableName: t\nItem: { a: { S: x } }\nItem: {}'), twice],
  [4, 'a keyword of a schema twice', schema('{"type":"object","type":"string"}'), twice],
  [4, 'a secret twice', secret('{ X: { from: "env:A" }, X: { from: "file:/etc/shadow" } }'), twice],
  [5, 'a merge key in the input of an aws cell', put('TableName: t\n<<: { __proto__: x }'), /YAML merge keys/],
]);

const names = rows([
  [8, 'a secret named __proto__', secret('{ __proto__: { from: "env:A" } }'), isKey],
  [
    8,
    'a secret named constructor',
    secret('{ constructor: { from: "env:A" } }'),
    /`constructor` is no name of a secret/,
  ],
  [8, 'needs of __proto__', front('needs: { __proto__: [x] }'), isKey],
  [8, 'a member __proto__', put('TableName: t\nItem: { __proto__: { S: x } }'), isKey],
  [8, 'a member constructor', put('TableName: t\nItem: {}\nconstructor: x'), /there is no member `constructor`/],
  [8, 'a service __proto__', aws('service=__proto__ action=x', ''), /a service is named in small letters/],
  [
    8,
    'a service constructor',
    aws('service=constructor action=x', ''),
    /there is no client for the service `constructor`/,
  ],
  [8, 'an action __proto__', aws('service=rds action=__proto__', ''), /`rds` has no action `__proto__`/],
  [8, 'a property __proto__ in a schema', schema('{"properties":{"__proto__":{"type":"string"}}}'), isKey],
  [7, 'a place ../x', front('at: "../x"'), /`..\/x` is no place/],
  [7, 'a place that is part of a key', front('at: "lambda#1"'), /`lambda#1` is no place/],
  [7, 'a place of 1 KB', front(`at: ${'x'.repeat(1_024)}`), /is no place/],
  [7, 'a program that is a command', front('needs: { programs: ["$(id)"] }'), /is no name of a program/],
  [7, 'a program by its path', front('needs: { programs: ["../../bin/x"] }'), /is no name of a program/],
  [7, 'a variable with its value', front('needs: { env: ["LANG=C"] }'), /is no name of a variable/],
  [
    9,
    '200 secrets',
    secret(`{ ${Array.from({ length: 200 }, (_, i) => `X${i}: { from: "env:A" }`).join(', ')} }`),
    /secretsPerRunbookMax/,
  ],
  [
    9,
    '200 programs',
    front(`needs: { programs: [${Array.from({ length: 200 }, (_, i) => `p${i}`).join(', ')}] }`),
    /needsPerCellMax/,
  ],
  [
    9,
    'a schema of 20,000 values',
    schema(`{"enum":[${Array.from({ length: 20_000 }, (_, i) => i).join()}]}`),
    /larger than 65536 bytes/,
  ],
]);

const values = rows([
  [20, 'a schema that holds itself', schema('{"properties":{"a":{"$ref":"#"}}}'), /`\$ref` is not read/],
  [20, 'the same by $dynamicRef', schema('{"anyOf":[{"$dynamicRef":"#x"}]}'), /`\$dynamicRef` is not read/],
  [20, 'the same by $recursiveRef', schema('{"not":{"$recursiveRef":"#"}}'), /`\$recursiveRef` is not read/],
  [20, 'a pattern that counts to 100,000', schema('{"pattern":"a{1,100000}"}'), /exceed 2000 together/],
  [20, 'a pattern that looks ahead', schema('{"pattern":"(?=a)"}'), /is not one of RE2/],
  [20, 'a number without end in a schema', schema('{"minimum":1e400}'), /cannot be kept as a number/],
  [20, 'a number without end', query('Limit: 1e400'), /cannot be kept as a number/],
  [20, 'a number that no double has', query('Limit: 12345678901234567890'), /cannot be kept as a number/],
  [20, 'infinity', query('Limit: .inf'), /this number is not finite/],
  [20, 'no number', query('Limit: .nan'), /this number is not finite/],
  [
    20,
    '3,000 placeholders of one text',
    put(`TableName: "${'{{ params.p + params.p }}'.repeat(3_000)}"\nItem: {}`),
    /larger than 65536 bytes/,
  ],
  [
    17,
    'a placeholder that asks for a constructor',
    put('TableName: "{{ params.p.constructor }}"\nItem: {}'),
    /Cannot index type/,
  ],
  [17, 'a placeholder named __proto__', put('TableName: {{ __proto__ }}\nItem: {}'), /Reserved identifier/],
]);

const elsewhere = rows([
  [
    22,
    'a secret of the metadata service',
    secret('{ X: { from: "http://169.254.169.254/latest/" } }'),
    /`from` says where the secret is/,
  ],
  [22, 'a secret that any host may have', secret('{ X: { from: "env:A", hosts: ["*"] } }'), /`\*` is no host/],
  [
    22,
    'a host with a user before it',
    secret('{ X: { from: "env:A", hosts: ["good.example@evil.example"] } }'),
    /is no host/,
  ],
  [22, 'a region that is another host', asked('region="eu-west-1@evil.example"'), /`region` is the name of a region/],
  [22, 'a region that ends the host', asked('region="evil.example/#"'), /`region` is the name of a region/],
  [22, 'what is signed for a region that is another host', signed('s3 eu-west-1@evil.example'), /`sigv4` names what/],
  [28, 'a role that is a user', asked('role=arn:aws:iam::123456789012:user/x'), /`role` is the ARN of a role/],
  [28, 'a role with a line break', asked('role="arn:aws:iam::123456789012:role/x\\ny"'), /`role` is the ARN of a role/],
  [
    29,
    'a secret whose store has a line break',
    secret('{ X: { from: "ssm:/a\\r\\nb" } }'),
    /`from` says where the secret is/,
  ],
  [
    30,
    'a secret in the address',
    using('```http { name=a }\nGET https://a.example/{{ secrets.X }}\n```\n'),
    /a secret stands alone/,
  ],
  [
    30,
    'a secret as the name of a header',
    using('```http { name=a }\nGET https://a.example/\n{{ secrets.X }}: x\n```\n'),
    /header/,
  ],
  [30, 'all secrets', using('```http { name=a }\nGET https://a.example/\nX-A: {{ secrets }}\n```\n'), /secret/],
  [
    30,
    'one by an index',
    using('```http { name=a }\nGET https://a.example/\nX-A: {{ secrets["X"] }}\n```\n'),
    /a secret stands alone/,
  ],
  [
    35,
    'a hundred redirects',
    using('```http { name=a redirects=100 }\nGET https://a.example/\n```\n'),
    /httpRedirectsMax/,
  ],
  [
    37,
    'the environment of Pawl as a variable',
    front('needs: { env: [AWS_SECRET_ACCESS_KEY] }'),
    /is never handed to a cell/,
  ],
  [
    39,
    'the token of its role as a secret',
    secret('{ X: { from: "env:AWS_SESSION_TOKEN" } }'),
    /is never handed to a cell/,
  ],
]);

export const reachingDocuments: Hostile[] = [...yaml, ...names, ...values, ...elsewhere];
