/** An `aws` cell is checked against the model in its service's own client, and every problem has its place. */
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import type { Cell, RenderedBody } from '../../src/engine/index.ts';

/** A first fence stands in line 9, its body in line 10. */
const front = `---
runbook: demo
params:
  cluster: { type: string }
  count: { type: integer }
  tags: { type: array, items: { type: string } }
  region: { type: string }
---
`;
const fence = (info: string, body: string): string => `\`\`\`${info}\n${body}${body === '' ? '' : '\n'}\`\`\`\n`;
const aws = (attributes: string, body = '', more = ''): string =>
  front + fence(`aws { name=a ${attributes} }`, body) + more;
const compiled = (source: string) => {
  const result = authoring.compile(source);
  if (result.kind === 'problems') throw new Error(JSON.stringify(result.problems));
  return result;
};
const cellOf = (source: string): Cell => compiled(source).runbook.cells[0] as Cell;
const problems = (source: string): string[] => {
  const result = authoring.compile(source);
  return result.kind === 'runbook' ? [] : result.problems.map((one) => `${one.line}:${one.column} ${one.message}`);
};
const scope = {
  params: { cluster: 'or"ders', count: 7, tags: ['x', 'y'], region: 'eu-west-1' },
  outputs: {},
  step: {},
};
const rendered = (source: string): RenderedBody & { kind: 'aws' } => {
  const result = authoring.renderBody(cellOf(source).body, scope);
  if (result.kind === 'error') throw new Error(result.message);
  return result.body as RenderedBody & { kind: 'aws' };
};
const failover = 'service=rds action=FailoverDBCluster';

describe('the input', () => {
  test('is YAML, in which a placeholder that is a whole value keeps its type', () => {
    const body = rendered(
      aws(
        'service=dynamodb action=UpdateTable',
        [
          'TableName: "{{ params.cluster }}" # not {{ read }}',
          'ProvisionedThroughput:',
          '  ReadCapacityUnits: {{ params.count }}',
          '  WriteCapacityUnits: 5',
          'DeletionProtectionEnabled: {{ params.count > 3 }}',
        ].join('\n'),
      ),
    );
    expect(JSON.parse(body.input)).toEqual({
      TableName: 'or"ders',
      ProvisionedThroughput: { ReadCapacityUnits: 7, WriteCapacityUnits: 5 },
      DeletionProtectionEnabled: true,
    });
  });
  test('takes lists and flow mappings, placeholders in them, and text around them', () => {
    const source = aws(
      'service=dynamodb action=GetItem region="{{ params.region }}"',
      'TableName: t\nKey: { id: { S: "{{ params.cluster }}-1" }, n: { N: "{{ params.count }}" } }\nAttributesToGet: {{ params.tags }}',
    );
    const body = rendered(source);
    expect(body).toMatchObject({ service: 'dynamodb', action: 'GetItem', region: 'eu-west-1', role: null });
    expect(JSON.parse(body.input)).toEqual({
      TableName: 't',
      Key: { id: { S: 'or"ders-1' }, n: { N: '7' } },
      AttributesToGet: ['x', 'y'],
    });
  });
  test('may be empty', () => {
    expect(rendered(aws('service=rds action=DescribeDBClusters', '# nothing')).input).toBe('{}');
  });
  test.each([
    ['DBCluster: x', '10:1 there is no member `DBCluster`'],
    ['TargetDBInstanceIdentifier: x', '10:1 the input of FailoverDBCluster: `DBClusterIdentifier` has to be given'],
    ['DBClusterIdentifier: 7', '10:1 a text belongs here, not a number; put it in quotes'],
    ['DBClusterIdentifier:', '10:1 a text belongs here, not nothing; leave the member out'],
    ['DBClusterIdentifier: [a]', '10:1 a text belongs here, not a list'],
    ['DBClusterIdentifier: {{ params.clstr }}', '10:32 there is no parameter `clstr`; did you mean `cluster`?'],
    ['DBClusterIdentifier: {{ params.cluster', '10:22 this `{{` is not closed; end the expression with `}}`'],
    ['{{ params.cluster }}: x', '10:1 a name cannot be a placeholder; give the whole mapping as one'],
    ['- x', '10:1 the input is not a mapping of keys and values'],
    ['DBClusterIdentifier: \ue000', '10:22 this character is of the private use area'],
  ])('%j is refused at its place', (body, message) => {
    const found = problems(aws(failover, body));
    expect(
      found.some((one) => one.startsWith(message)),
      found.join('\n'),
    ).toBe(true);
  });
  test('is checked to its depths', () => {
    const body =
      'TableName: t\nItem:\n  id: { S: x, N: "1" }\n  n: { Num: "1" }\n  b: { BOOL: "yes" }\n  m: { M: { o: { S: 1 } } }';
    expect(problems(aws('service=dynamodb action=PutItem', body))).toEqual([
      '12:3 exactly one of S, N, B, SS, NS, BS, M, L, NULL, BOOL is given here',
      '13:8 there is no member `Num`',
      '14:8 true or false belongs here, not a text',
      '15:18 a text belongs here, not a number; put it in quotes',
    ]);
  });
  test('a quoted placeholder is a text, where a number belongs', () => {
    const body = 'TableName: t\nLimit: "{{ params.count }}"';
    expect(problems(aws('service=dynamodb action=Query', body))).toEqual([
      '11:1 a number belongs here, not a text; leave the quotes away, and what is around the placeholder',
    ]);
  });
});

describe('service and action', () => {
  test.each([
    ['action=X', '9:1 an aws cell needs `service=`, as in `service=rds`'],
    ['service=rds', '9:1 an aws cell needs `action=`, as in `action=DescribeDBClusters`'],
    [
      'service=rds action=FailoverDbCluster',
      '9:36 `rds` has no action `FailoverDbCluster`; did you mean `FailoverDBCluster`?',
    ],
    [
      'service=nothing-of-aws action=X',
      'there is no client for the service `nothing-of-aws` here; install it where Pawl is: `npm install @aws-sdk/client-nothing-of-aws`, with `--global` where Pawl is installed so',
    ],
    ['service=logs action=X', 'it is called `cloudwatch-logs` there'],
    ['service=../x action=X', 'a service is named in small letters, digits and dashes'],
    ['service=lambda action=InvokeWithResponseStream', 'is a stream of events'],
    [`${failover} region=Ireland`, '`region` is the name of a region, like eu-west-1, not `Ireland`'],
    [`${failover} role=failover`, '`role` is the ARN of a role'],
    [`${failover} failedOn="A A"`, 'the error code A is given twice; keep one'],
    [`${failover} failedOn=A unknownOn=A`, 'the error code A is in `failedOn` and in `unknownOn`; keep one'],
    [`${failover} failedOn="A,B"`, '`failedOn` is a list of error codes with spaces between them'],
    [`${failover} timeout=6m`, '`timeout`'],
    [`${failover} escape=none`, '`escape`'],
  ])('%s', (attributes, message) => {
    const found = problems(aws(attributes, 'DBClusterIdentifier: x'));
    expect(
      found.some((one) => one.includes(message)),
      found.join('\n'),
    ).toBe(true);
  });
});

describe('what would answer with a secret', () => {
  test.each([
    ['service=secrets-manager action=GetSecretValue', 'SecretId: pager', '9:48'],
    ['service=ssm action=GetParameter', 'Name: /pawl/pager\nWithDecryption: true', '9:36'],
  ])('is refused, with what to do instead: %s', (attributes, body, at) => {
    expect(problems(aws(attributes, body))).toEqual([
      `${at} its answer would be a secret, and an output is in the journal; declare it under \`secrets:\` in front matter, and use it in a cell`,
    ]);
  });
  test('is left to the place where it is known only later', () => {
    const body = 'Name: /pawl/pager\nWithDecryption: {{ params.count > 3 }}';
    expect(problems(aws('service=ssm action=GetParameter', body))).toEqual([]);
  });
});

describe('what only reads', () => {
  test('is asked again when in doubt, and its author is told so', () => {
    const { runbook, notes } = compiled(aws('service=rds action=DescribeDBClusters'));
    expect(runbook.cells[0]).toMatchObject({ interrupted: 'retry', byMethod: 'DescribeDBClusters' });
    expect(notes[0]?.message).toContain('(DescribeDBClusters, which only reads)');
  });
  test('is what may be polled, and nothing else', () => {
    const expects = fence('cel { expect=a }', 'has(output.requestId)');
    const polled = (action: string, body: string): string[] =>
      problems(aws(`service=rds action=${action} poll=5s within=1m`, body, expects));
    expect(polled('DescribeDBClusters', '')).toEqual([]);
    expect(polled('FailoverDBCluster', 'DBClusterIdentifier: x')).toEqual([
      '9:1 a cell with `poll` has no effects: an action that only reads, not FailoverDBCluster',
    ]);
  });
  test('may be a probe, with what it means in expressions', () => {
    const cell = fence(`aws { name=a ${failover} interrupted=probe }`, 'DBClusterIdentifier: "{{ params.cluster }}"');
    const probe = (answers: string): string =>
      front + cell + fence(`aws { probe=a service=rds action=DescribeDBClusters ${answers} }`, '');
    const answers = `done="output.DBClusters[0].Status == 'x'" notDone="has(output.error)"`;
    expect(cellOf(probe(answers)).probe).toMatchObject({ notDone: 'has(output.error)', body: { kind: 'aws' } });
    expect(problems(probe(''))[0]).toContain(
      'an aws probe needs `done=`: an expression like `done="!has(output.error)"`',
    );
  });
  test.each([
    'GetSessionToken',
    'GetActivityTask',
    'GetId',
    'GetClusterCredentials',
    'Getaway',
    'PutItem',
    'StartQuery',
  ])('%s is not taken for it', async (action) => {
    const { isReadingAction } = await import('../../src/engine/index.ts');
    expect(isReadingAction(action)).toBe(false);
  });
});

describe('idempotency tokens', () => {
  const item = 'TransactItems: [{ Delete: { TableName: t, Key: { id: { S: x } } } }]';
  test('are filled in where the service has one and its author gives none', () => {
    const of = (body: string): unknown => rendered(aws('service=dynamodb action=TransactWriteItems', body)).tokens;
    expect(of(item)).toEqual(['ClientRequestToken']);
    expect(of(`${item}\nClientRequestToken: mine`)).toEqual([]);
  });
  test('are of no use to what has none', () => {
    expect(rendered(aws(failover, 'DBClusterIdentifier: x')).tokens).toEqual([]);
  });
});

describe('a region or role that is filled in', () => {
  test.each(['region', 'role'])('is looked at: %s', (name) => {
    const { body } = cellOf(aws(`${failover} ${name}="{{ params.cluster }}"`, 'DBClusterIdentifier: x'));
    expect(authoring.renderBody(body, scope)).toMatchObject({ kind: 'error', message: expect.stringContaining(name) });
  });
});

describe('http cells that are signed', () => {
  const http = (attributes: string): string =>
    front + fence(`http { name=a ${attributes} }`, 'GET https://x.execute-api.eu-west-1.amazonaws.com/');
  test('say for what and as whom', () => {
    const role = 'arn:aws:iam::123456789012:role/caller';
    const { body } = cellOf(http(`sigv4="execute-api eu-west-1" role=${role}`));
    expect(authoring.renderBody(body, scope)).toMatchObject({
      body: { sigv4: { service: 'execute-api', region: 'eu-west-1', role } },
    });
  });
  test.each([
    ['sigv4=execute-api', '9:24 `sigv4` names what the request is signed for'],
    ['sigv4="execute-api eu-west-1 x"', '`sigv4` names what the request is signed for'],
    ['role=arn:aws:iam::123456789012:role/caller', '9:18 `role` says as whom a request is signed; it needs `sigv4=`'],
  ])('%s is refused', (attributes, message) => {
    expect(problems(http(attributes)).join('\n')).toContain(message);
  });
});
