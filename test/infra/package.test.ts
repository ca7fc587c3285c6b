/** `npm run package`, and what would be deployed: asserted on the template, function by function. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadAwsServiceSpecSync } from '@aws-cdk/aws-service-spec';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Packaged, packageService } from '../../scripts/packageService.ts';
import { routes } from '../../src/contract/index.ts';
import { metricNames } from '../../src/handlers/metrics.ts';
import { pack, unpack } from '../../src/handlers/remote.ts';
import {
  allowedBy,
  circlesIn,
  decision,
  named,
  type Resources,
  readTemplate,
  statementsOf,
  textOf,
  unzip,
} from './template.ts';

let folder: string;
let packaged: Packaged;
let resources: Resources;
/** Packaged with the other values of its parameters: callers bring tokens, entries are appended by INSERT, and there are tasks. */
let others: Resources;
const properties = (name: string) => resources[name]?.Properties;
const zip = (name: string) => unzip(join(packaged.folder, `${name}.zip`));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pawl-infra-'));
  packaged = await packageService(join(folder, 'iam'));
  resources = readTemplate(packaged.folder).Resources;
  const params = [
    ...['auth=jwt', 'jwtIssuer=https://issuer.example', 'jwtAudience=pawl', 'appendOnly=insert'],
    ...[
      `secrets=${secrets.join()}`,
      'secretsWritten=ssm:/pawl/rotated/*',
      `tasks=${withTasks(folder)}`,
      'commitTables=stock,sales',
    ],
  ];
  const more = params.flatMap((one) => ['--param', one]);
  others = readTemplate((await packageService(join(folder, 'others'), more)).folder).Resources;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Outside of this repository, with no packages beside them. */
const withTasks = (around: string): string => {
  const place = join(around, 'tasks');
  mkdirSync(place);
  writeFileSync(
    join(place, 'sale.ts'),
    `import { defineTask, z } from 'pawl/tasks';
    import { priceOf } from './prices.ts';
    export const sell = defineTask({
      name: 'sell_it',
      input: z.object({ sku: z.string() }),
      output: z.object({ price: z.number() }),
      effects: 'commit',
      run: ({ input: { sku }, commit }: any) => {
        commit({ kind: 'insert', table: 'sales', key: { sku } });
        return { price: priceOf(sku) };
      },
    });`,
  );
  writeFileSync(join(place, 'prices.ts'), 'export const priceOf = (sku: string): number => sku.length;\n');
  return place;
};

const secrets = ['ssm:/pawl/*', 'secretsmanager:prod/pager', 'secretsmanager:prod/db-*', 'ssm:/other/token'];

const appendOnly = ['JournalTable', 'RunbooksTable', 'ClaimsTable'];
const rebuildable = ['ViewsTable', 'SubscriptionsTable'];
const altering = [
  'UpdateItem',
  'DeleteItem',
  'BatchWriteItem',
  'PartiQLUpdate',
  'PartiQLDelete',
  // By these a table loses its items, or what protects them.
  'UpdateTimeToLive',
  'UpdateTable',
  'DeleteTable',
  'UpdateContinuousBackups',
  'DeleteBackup',
  // By these others write into it, or it is made anew from what it was.
  'PutResourcePolicy',
  'DeleteResourcePolicy',
  'RestoreTableFromBackup',
  'RestoreTableFromAwsBackup',
  'RestoreTableToPointInTime',
  'CreateGlobalTable',
  'UpdateGlobalTable',
  'CreateTableReplica',
  'DeleteTableReplica',
  'WriteDataForReplication',
  'ImportTable',
  // By these it goes elsewhere.
  'ExportTableToPointInTime',
  'CreateBackup',
  'EnableKinesisStreamingDestination',
  'DisableKinesisStreamingDestination',
  'TagResource',
  'UntagResource',
  // Not yet known to anybody.
  'ReshapeTable',
];

/** Measured against CloudFormation's own description of the resource type. */
const problemsOf = (db: ReturnType<typeof loadAwsServiceSpecSync>, name: string, of = resources): string[] => {
  const { Type, Properties } = of[name] ?? { Type: '' };
  const [resource] = db.lookup('resource', 'cloudFormationType', 'equals', Type);
  if (resource === undefined) return [`${name}: no type ${Type}`];
  const unknown = Object.keys(Properties ?? {}).filter((property) => !(property in resource.properties));
  const missing = Object.entries(resource.properties)
    .filter(([property, { required }]) => required && !(property in (Properties ?? {})))
    .map(([property]) => property);
  return [...unknown.map((one) => `${name}: unknown ${one}`), ...missing.map((one) => `${name}: missing ${one}`)];
};

describe('the package', () => {
  it('is made without credentials, network or account, and names only what CloudFormation knows', () => {
    const db = loadAwsServiceSpecSync();
    expect(Object.keys(resources).flatMap((name) => problemsOf(db, name))).toEqual([]);
  });

  it('has nothing that waits for itself', () => {
    expect([circlesIn(resources), circlesIn(others)]).toEqual([[], []]);
    const Type = 'AWS::SNS::Topic';
    const circle: Resources = {
      One: { Type, Properties: { TopicName: { 'Fn::Sub': 'a-${Two.Arn}' } } },
      Two: { Type, Properties: { TopicName: { 'Fn::GetAtt': ['Three', 'Arn'] } } },
      Three: { Type, Properties: {}, DependsOn: 'One' },
    };
    expect(circlesIn(circle)[0]).toEqual(['One', 'Two', 'Three', 'One']);
  });

  it('has six functions, each on ARM64 with a role, a time-out and a log of its own', () => {
    const told = named(resources, 'AWS::Lambda::Function').map((name) => {
      const { Runtime, Architectures, Timeout, MemorySize, Role, FunctionName, Code } = properties(name);
      const log = named(resources, 'AWS::Logs::LogGroup').find(
        (group) => properties(group).LogGroupName === `/aws/lambda/${FunctionName}`,
      );
      const { RetentionInDays } = properties(log ?? '');
      const file = Code.S3Key.split('/').at(-1);
      return [FunctionName, file, Runtime, ...Architectures, Timeout, MemorySize, textOf(Role), RetentionInDays].join(
        ' ',
      );
    });
    expect(told).toEqual([
      'pawl-dev-api api.zip nodejs24.x arm64 75 1024 ApiRole.Arn 30',
      'pawl-dev-work work.zip nodejs24.x arm64 900 1024 WorkRole.Arn 30',
      'pawl-dev-tick tick.zip nodejs24.x arm64 50 512 TickRole.Arn 30',
      'pawl-dev-execute-cell executeCell.zip nodejs24.x arm64 900 1024 ExecuteCellRole.Arn 30',
      'pawl-dev-execute-task executeTask.zip nodejs24.x arm64 900 1024 ExecuteTaskRole.Arn 30',
      'pawl-dev-audit audit.zip nodejs24.x arm64 30 256 AuditRole.Arn 30',
    ]);
  });

  it('tells each function what it needs, and execute-cell and execute-task of no table', () => {
    const told = (name: string) => properties(`${name}LambdaFunction`).Environment.Variables;
    expect(told('Api')).toMatchObject({
      PAWL_TABLES: 'pawl-dev',
      PAWL_APPEND_ONLY: 'put',
      PAWL_DEPLOYMENT: 'pawl-dev',
      PAWL_AUTH: 'iam',
      PAWL_WORK_FUNCTION: 'pawl-dev-work',
      PAWL_EXECUTE_FUNCTION: 'pawl-dev-execute-cell',
      PAWL_EXECUTE_TASK_FUNCTION: 'pawl-dev-execute-task',
      PAWL_UNRECORDED_QUEUE: { Ref: 'UnrecordedQueue' },
      PAWL_WAKES_QUEUE: { Ref: 'WakesQueue' },
      PAWL_GROUPS_CLAIM: 'cognito:groups',
      PAWL_ALLOW_SH: 'false',
    });
    expect(told('Work')).toMatchObject({
      PAWL_TABLES: 'pawl-dev',
      PAWL_APPEND_ONLY: 'put',
      PAWL_EXECUTE_FUNCTION: 'pawl-dev-execute-cell',
      PAWL_EXECUTE_TASK_FUNCTION: 'pawl-dev-execute-task',
      PAWL_UNRECORDED_QUEUE: { Ref: 'UnrecordedQueue' },
      PAWL_WAKES_QUEUE: { Ref: 'WakesQueue' },
    });
    expect(told('Tick')).toMatchObject({ PAWL_TABLES: 'pawl-dev', PAWL_WORK_FUNCTION: 'pawl-dev-work' });
    for (const name of ['ExecuteCell', 'ExecuteTask']) expect(Object.keys(told(name))).not.toContain('PAWL_TABLES');
    for (const name of ['Api', 'Work', 'Tick', 'ExecuteCell', 'ExecuteTask', 'Audit'])
      expect(told(name)).toMatchObject({ NODE_OPTIONS: '--enable-source-maps', POWERTOOLS_METRICS_NAMESPACE: 'Pawl' });
  });

  it('has the resources that docs/deploying.md counts', () => {
    const deploying = readFileSync(join(import.meta.dirname, '../../docs/deploying.md'), 'utf8').replaceAll('\n', ' ');
    const count = (type: string): number => named(resources, `AWS::${type}`).length;
    const [tables, functions] = [count('DynamoDB::Table'), count('Lambda::Function')];
    const [roles, logs, routeCount] = [count('IAM::Role'), count('Logs::LogGroup'), count('ApiGatewayV2::Route')];
    const [queues, policies, alarms] = [count('SQS::Queue'), count('IAM::ManagedPolicy'), count('CloudWatch::Alarm')];
    expect(deploying).toContain(
      `${Object.keys(resources).length} resources: ${tables} tables, ${functions} functions with ${roles} roles and ${logs} log groups`,
    );
    expect(deploying).toContain(
      `an HTTP API with ${routeCount} routes, a schedule, ${queues} queues, ${policies} managed policies`,
    );
    expect(deploying).toContain(`${alarms} alarms on a topic, a dashboard, a bucket for the code`);
    for (const type of ['ApiGatewayV2::Api', 'Events::Rule', 'SNS::Topic', 'CloudWatch::Dashboard', 'S3::Bucket'])
      expect(count(type), type).toBe(1);
  });

  it('has in each zip one bundle with its source map, and the cells’ own processes beside execute-cell alone', () => {
    const files = (name: string) => [...zip(name).keys()].sort();
    const alone = (name: string) => [`src/handlers/functions/${name}.mjs`, `src/handlers/functions/${name}.mjs.map`];
    for (const name of ['work', 'tick', 'audit']) expect(files(name)).toEqual(alone(name));
    const beside = [
      'evidence',
      'folder',
      'group',
      'harness',
      'longLog',
      'madeSecrets',
      'masking',
      'reap',
      'runner',
    ].map((name) => `src/handlers/functions/${name}.mjs`);
    expect(files('executeCell')).toEqual([...alone('executeCell'), ...beside].sort());
    expect(files('executeTask')).toEqual([...alone('executeTask'), 'src/handlers/functions/taskThread.mjs'].sort());
  });

  it('has the page of the console beside api alone: what its index names, and the licences of what it is made of', () => {
    const place = 'src/handlers/functions/console/';
    const files = [...zip('api').keys()].filter((name) => !/\/api\.mjs(\.map)?$/.test(name));
    const index = zip('api').get(`${place}index.html`)?.toString() ?? '';
    const assets = [...index.matchAll(/\/console\/(assets\/[\w-]+\.(?:js|css))/g)].map(([, name]) => `${place}${name}`);
    expect(assets.length).toBeGreaterThan(1);
    expect(files).toEqual(expect.arrayContaining([`${place}LICENSES.txt`, `${place}index.html`, ...assets]));
    for (const name of files) expect(name).toMatch(/\/console\/(LICENSES\.txt|index\.html|assets\/[\w-]+\.(js|css))$/);
  });

  it('has the tasks of the folder that it is told of with execute-task alone, where they run; api knows their names and inputs', () => {
    const packagedWith = (name: string) => unzip(join(folder, 'others', `${name}.zip`));
    const isTask = (name: string) => name.startsWith('src/handlers/functions/tasks/');
    expect([...packagedWith('executeTask').keys()].filter(isTask).sort()).toEqual(
      ['sale.mjs', 'sale.mjs.map'].map((name) => `src/handlers/functions/tasks/${name}`),
    );
    for (const name of ['api', 'work', 'tick', 'audit', 'executeCell'])
      expect([...packagedWith(name).keys()].filter(isTask), name).toEqual([]);
    const api = packagedWith('api').get('src/handlers/functions/api.mjs')?.toString() ?? '';
    expect(api).toMatch(/sell_it.{1,200}"?sku"?:/);
    expect(api).not.toContain('priceOf');

    const place = join(folder, 'task');
    for (const [name, content] of packagedWith('executeTask')) {
      mkdirSync(dirname(join(place, name)), { recursive: true });
      writeFileSync(join(place, name), content);
    }
    const step = {
      instanceId: 'i',
      runbookId: 'r',
      version: 1,
      cell: 'c',
      seq: 1,
      visit: 1,
      attempt: 1,
      idempotencyKey: 'k',
    };
    const body = { kind: 'task', task: 'sell_it', input: '{"sku":"A-1"}', effects: 'commit' };
    const deadlineAtMs = Date.now() + 600_000;
    const event = { body, params: {}, outputs: {}, step: { ...step, deadlineAtMs }, timeoutMs: 60_000 };
    const path = JSON.stringify(join(place, 'src/handlers/functions/executeTask.mjs'));
    const context =
      '{ awsRequestId: "a", functionName: "f", invokedFunctionArn: "arn", memoryLimitInMB: "128", getRemainingTimeInMillis: () => 900000 }';
    const script = `const { handler } = await import(${path});
      const told = await handler(${JSON.stringify(pack(event))}, ${context});
      process.stdout.write('\\n' + JSON.stringify(told));`;
    const said = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
    expect(unpack(JSON.parse(said.split('\n').at(-1) ?? ''))).toEqual({
      result: {
        status: 'completed',
        output: '{"price":3}',
        commit: [{ kind: 'insert', table: 'sales', key: { sku: 'A-1' } }],
      },
      log: [],
    });
  });

  it('has bundles that load by themselves, with source maps that hold no sources', () => {
    for (const name of ['api', 'work', 'tick', 'executeCell', 'executeTask', 'audit']) {
      const bundle = zip(name).get(`src/handlers/functions/${name}.mjs`) ?? Buffer.alloc(0);
      const path = join(folder, `${name}.mjs`);
      writeFileSync(path, bundle);
      const script = `console.log(typeof (await import(${JSON.stringify(path)})).handler)`;
      const said = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
      expect(said, name).toBe('function\n');
      expect(bundle.toString()).toContain(`//# sourceMappingURL=${name}.mjs.map`);
      const map = JSON.parse(zip(name).get(`src/handlers/functions/${name}.mjs.map`)?.toString() ?? '{}');
      const source = name === 'executeTask' ? 'executeCell' : name;
      expect(map.sources).toContainEqual(expect.stringMatching(new RegExp(`src/handlers/${source}.ts$`)));
      expect(map.sources.filter((source: string) => source.startsWith('/'))).toEqual([]);
      expect(map.sourcesContent ?? []).toEqual([]);
    }
  });

  it('has bundles of the sizes in infra/bundles.json, within 2 % (`npm run sizes` writes it)', () => {
    const committed = JSON.parse(readFileSync(join(import.meta.dirname, '../../infra/bundles.json'), 'utf8'));
    expect(Object.keys(packaged.sizes)).toEqual(Object.keys(committed));
    for (const [name, { kb }] of Object.entries(packaged.sizes)) {
      const allowedKb = Math.max(5, committed[name].kb * 0.02);
      expect(Math.abs(kb - committed[name].kb), `${name}: ${kb} KB`).toBeLessThanOrEqual(allowedKb);
    }
  });

  it('has zod in English alone', () => {
    for (const { of } of Object.values(packaged.sizes)) expect(of.zod).toBeLessThan(150);
    // One word each of the German and of the Japanese messages of zod.
    for (const name of ['api', 'work', 'tick', 'executeCell', 'executeTask', 'audit'])
      expect(zip(name).get(`src/handlers/functions/${name}.mjs`)?.toString()).not.toMatch(
        /Ungültige Eingabe|無効な入力/,
      );
  });
});

describe('the parameter appendOnly', () => {
  it('is told to the functions that append', () => {
    for (const name of ['ApiLambdaFunction', 'WorkLambdaFunction'])
      expect(others[name]?.Properties.Environment.Variables.PAWL_APPEND_ONLY).toBe('insert');
  });

  it.each(['inset', '', 'PUT', 1, 'toString'])('%j is refused when the service is packaged, by name', async (value) => {
    const read = createRequire(import.meta.url)('../../infra/append-action.cjs');
    const refused = read({ resolveVariable: async () => value });
    await expect(refused).rejects.toThrow(`appendOnly is ${JSON.stringify(value)}; it may be put or insert.`);
  });
});

describe('the parameters secrets and secretsWritten', () => {
  const account = 'AWS::Region:AWS::AccountId';
  const read = createRequire(import.meta.url)('../../infra/secrets.cjs');
  const resolved = (given: Record<string, unknown>) =>
    read({
      resolveVariable: async (name: string) =>
        ({ 'param:secrets': '', 'param:secretsWritten': '', 'self:custom.prefix': 'pawl-x', ...given })[name],
    });

  it('give no right to any where they are empty', () => {
    for (const one of Object.values(resources)) expect(JSON.stringify(one)).not.toMatch(/ssm:|secretsmanager:|kms:/);
    expect(named(resources, 'AWS::IAM::Policy')).toEqual([]);
  });

  it('let api and work, and nobody else, read and write what is named, and nothing else', () => {
    expect(named(others, 'AWS::IAM::Policy')).toEqual(['SecretsPolicy', 'CommitTablesPolicy']);
    expect(others.SecretsPolicy?.Properties).toMatchObject({
      PolicyName: 'pawl-dev-secrets',
      Roles: [{ Ref: 'ApiRole' }, { Ref: 'WorkRole' }],
    });
    expect(allowedBy(statementsOf(others, 'SecretsPolicy'))).toEqual(
      [
        `ssm:GetParameter on arn:AWS::Partition:ssm:${account}:parameter/pawl/*`,
        `ssm:GetParameter on arn:AWS::Partition:ssm:${account}:parameter/other/token`,
        `secretsmanager:GetSecretValue on arn:AWS::Partition:secretsmanager:${account}:secret:prod/pager-??????`,
        `secretsmanager:GetSecretValue on arn:AWS::Partition:secretsmanager:${account}:secret:prod/db-*`,
        `ssm:PutParameter on arn:AWS::Partition:ssm:${account}:parameter/pawl/rotated/*`,
      ].sort(),
    );
    const db = loadAwsServiceSpecSync();
    expect(problemsOf(db, 'SecretsPolicy', others)).toEqual([]);
    const arn = `arn:AWS::Partition:ssm:${account}:parameter/pawl/token`;
    for (const role of ['ExecuteCellRole', 'ExecuteTaskRole', 'TickRole', 'AuditRole'])
      expect(decision(statementsOf(others, role), 'ssm:GetParameter', arn)).toBe('not allowed');
  });

  it('take a secret by its ARN, also of another account', async () => {
    const arn = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:pager-a1b2c3';
    const { Resources } = await resolved({ 'param:secrets': ` secretsmanager:${arn} ` });
    const [statement] = Resources.SecretsPolicy.Properties.PolicyDocument.Statement;
    expect(statement).toMatchObject({ Action: 'secretsmanager:GetSecretValue', Resource: [arn] });
  });

  it.each(
    [
      ['*', 'ssm:/*', 'ssm:pawl', 'ssm:/a*b', 'ssm:/${x}', 'secretsmanager:*', 'env:TOKEN', 'file:/etc/token'],
      ['secretsmanager:arn:aws:iam::111122223333:role/x', 'arn:aws:ssm:eu-west-1:111122223333:parameter/pawl', 7],
    ].flat(),
  )('%j is refused when the service is packaged, by name', async (value) => {
    for (const name of ['secrets', 'secretsWritten'])
      await expect(resolved({ [`param:${name}`]: value })).rejects.toThrow(new RegExp(`^${name} (?:has|is) `));
  });
});

describe('the parameter commitTables', () => {
  const read = createRequire(import.meta.url)('../../infra/commit-tables.cjs');
  const resolved = (commitTables: unknown, appendOnly = 'put') =>
    read({
      resolveVariable: async (name: string) =>
        ({
          'param:commitTables': commitTables,
          'param:appendOnly': appendOnly,
          'param:tables': 'pawl-x',
          'self:custom.prefix': 'pawl-x',
        })[name],
    });
  const table = (name: string) => `arn:AWS::Partition:dynamodb:AWS::Region:AWS::AccountId:table/${name}`;

  it('lets api and work, and nobody else, commit to the tables that are named, as entries are appended', () => {
    expect(others.CommitTablesPolicy?.Properties).toMatchObject({
      PolicyName: 'pawl-dev-commit-tables',
      Roles: [{ Ref: 'ApiRole' }, { Ref: 'WorkRole' }],
    });
    expect(allowedBy(statementsOf(others, 'CommitTablesPolicy'))).toEqual(
      ['PartiQLDelete', 'PartiQLInsert', 'PartiQLSelect', 'PartiQLUpdate'].flatMap((action) =>
        ['sales', 'stock'].map((name) => `dynamodb:${action} on ${table(name)}`),
      ),
    );
    expect(problemsOf(loadAwsServiceSpecSync(), 'CommitTablesPolicy', others)).toEqual([]);
    for (const role of ['ExecuteTaskRole', 'ExecuteCellRole', 'TickRole', 'AuditRole'])
      expect(decision(statementsOf(others, role), 'dynamodb:PartiQLInsert', table('stock'))).toBe('not allowed');
  });

  it('with appendOnly=put allows nothing outside of a transaction, and without tables there is no policy', async () => {
    const { Resources } = await resolved('stock');
    expect(Resources.CommitTablesPolicy.Properties.PolicyDocument.Statement).toEqual([
      {
        Sid: 'Commit',
        Effect: 'Allow',
        Action: ['PutItem', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem'].map((action) => `dynamodb:${action}`),
        Condition: { 'ForAnyValue:StringEquals': { 'dynamodb:EnclosingOperation': ['TransactWriteItems'] } },
        Resource: [{ 'Fn::Sub': 'arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/stock' }],
      },
    ]);
    expect((await resolved('')).Resources).toEqual({});
  });

  it.each(['*', 'stock*', 'arn:aws:dynamodb:eu-west-1:111122223333:table/stock', '${x}', 7])(
    '%j is refused when the service is packaged, by name',
    async (value) => {
      await expect(resolved(value)).rejects.toThrow(/^commitTables (?:has|is) /);
    },
  );

  it.each([...appendOnly, ...rebuildable])('never names a table of Pawl: %s', async (name) => {
    const own = `pawl-x-${name.replace('Table', '').toLowerCase()}`;
    await expect(resolved(`stock,${own}`)).rejects.toThrow('a table of Pawl: nothing but Pawl writes it.');
  });
});

describe.each([
  { by: 'put', append: 'PutItem', never: 'PartiQLInsert' },
  { by: 'insert', append: 'PartiQLInsert', never: 'PutItem' },
] as const)('rights with appendOnly=$by', ({ by, append, never }) => {
  const all = () => (by === 'put' ? resources : others);
  const rights = (name: string) => allowedBy(statementsOf(all(), name));
  const properties = (name: string) => all()[name]?.Properties;
  /** The role, when somebody has attached a policy to it that allows everything. */
  const generous = (role: string) => [
    ...statementsOf(all(), role),
    { effect: 'Allow' as const, actions: ['*'], resources: ['*'] },
  ];
  const put = ['GetItem', append, 'Query'].flatMap((action) =>
    appendOnly.map((table) => `dynamodb:${action} on ${table}.Arn`),
  );
  const logs = (name: string) =>
    ['CreateLogStream', 'PutLogEvents'].map((action) => `logs:${action} on ${name}LogGroup.Arn`);
  const views = ['dynamodb:GetItem on ViewsTable.Arn', 'dynamodb:UpdateItem on ViewsTable.Arn'];
  const subscriptions = ['DeleteItem', 'PutItem', 'Query'].map(
    (action) => `dynamodb:${action} on SubscriptionsTable.Arn`,
  );

  it('of api: entries, views, subscriptions, lists, work, execute-cell and execute-task, and nothing else', () => {
    expect(rights('ApiRole')).toEqual(
      [
        ...logs('Api'),
        ...put,
        'dynamodb:BatchGetItem on JournalTable.Arn',
        'dynamodb:BatchGetItem on ViewsTable.Arn',
        'dynamodb:Query on JournalTable.Arn/index/names',
        ...views,
        ...subscriptions,
        'dynamodb:Query on ViewsTable.Arn/index/byStatus',
        'dynamodb:Query on ViewsTable.Arn/index/byRunbook',
        'dynamodb:Query on RunbooksTable.Arn/index/names',
        'dynamodb:Query on ClaimsTable.Arn/index/names',
        'lambda:InvokeFunction on WorkLambdaFunction.Arn',
        'lambda:InvokeFunction on ExecuteCellLambdaFunction.Arn',
        'lambda:InvokeFunction on ExecuteTaskLambdaFunction.Arn',
        'sqs:SendMessage on UnrecordedQueue.Arn',
        'sqs:SendMessage on WakesQueue.Arn',
      ].sort(),
    );
  });

  it('of work: entries, views, subscriptions, execute-cell, execute-task and its queues, and nothing else', () => {
    expect(rights('WorkRole')).toEqual(
      [
        ...logs('Work'),
        ...put,
        'dynamodb:BatchGetItem on JournalTable.Arn',
        'dynamodb:BatchGetItem on ViewsTable.Arn',
        'dynamodb:Query on JournalTable.Arn/index/names',
        ...views,
        ...subscriptions,
        'lambda:InvokeFunction on ExecuteCellLambdaFunction.Arn',
        'lambda:InvokeFunction on ExecuteTaskLambdaFunction.Arn',
        'sqs:SendMessage on UnrecordedQueue.Arn',
        'sqs:SendMessage on WakesQueue.Arn',
        'sqs:SendMessage on FailuresQueue.Arn',
        ...['ReceiveMessage', 'DeleteMessage', 'GetQueueAttributes'].flatMap((action) =>
          ['UnrecordedQueue', 'WakesQueue'].map((queue) => `sqs:${action} on ${queue}.Arn`),
        ),
      ].sort(),
    );
  });

  it('of tick: reading what is due and who works, and invoking work; it writes nothing at all', () => {
    expect(rights('TickRole')).toEqual(
      [
        ...logs('Tick'),
        'dynamodb:Query on ViewsTable.Arn/index/due',
        'dynamodb:BatchGetItem on ViewsTable.Arn',
        'dynamodb:Query on SubscriptionsTable.Arn',
        'lambda:InvokeFunction on WorkLambdaFunction.Arn',
      ].sort(),
    );
  });

  it('of a worker: entries, views, what is due and heartbeats; no list, no function, no queue', () => {
    expect(rights('WorkerPolicy')).toEqual(
      [
        ...put,
        'dynamodb:BatchGetItem on JournalTable.Arn',
        'dynamodb:Query on ViewsTable.Arn/index/due',
        ...views,
        ...subscriptions,
      ].sort(),
    );
    const worker = generous('WorkerPolicy');
    for (const table of appendOnly) {
      for (const action of [...altering, never])
        expect(decision(worker, `dynamodb:${action}`, `${table}.Arn`), `${action} on ${table}`).toBe('denied');
      expect(decision(worker, `dynamodb:${append}`, `${table}.Arn`)).toBe('allowed');
    }
  });

  it.each(['ExecuteCell', 'ExecuteTask'])('of %s: its log; whatever is attached to it, nothing of Pawl', (name) => {
    expect(rights(`${name}Role`)).toEqual(logs(name).sort());
    const cells = generous(`${name}Role`);
    const tables = [...appendOnly, ...rebuildable].map((table) => `${table}.Arn`);
    const parts = ['', '/index/due', '/stream/2026-11-27T00:00:00.000', '/backup/01', '/export/01'];
    const tableActions = [
      'GetItem',
      'Query',
      'Scan',
      'PutItem',
      'UpdateItem',
      'DeleteItem',
      'DeleteTable',
      'GetRecords',
      'PartiQLInsert',
      'UpdateContinuousBackups',
      'PutResourcePolicy',
    ];
    const functionActions = ['InvokeFunction', 'UpdateFunctionCode', 'UpdateFunctionConfiguration', 'DeleteFunction'];
    const functions = named(all(), 'AWS::Lambda::Function').map((name) => properties(name).FunctionName);
    expect(functions).toHaveLength(6);
    const queues = named(all(), 'AWS::SQS::Queue').map((queue) => `${queue}.Arn`);
    expect(queues).toHaveLength(3);
    const arn = (name: string) => `arn:AWS::Partition:lambda:AWS::Region:AWS::AccountId:function:${name}`;
    const api = 'arn:AWS::Partition:execute-api:AWS::Region:AWS::AccountId:HttpApi/$default';
    const roleArn = (name: string) => `arn:AWS::Partition:iam::AWS::AccountId:role/${name}`;
    const roles = named(all(), 'AWS::IAM::Role').map((name) => roleArn(properties(name).RoleName));
    expect(roles).toEqual(expect.arrayContaining(['pawl-dev-execute-cell', 'pawl-dev-execute-task'].map(roleArn)));
    const policies = named(all(), 'AWS::IAM::ManagedPolicy');
    expect([roles.length, policies.length]).toEqual([6, 5]);
    const ruleArn = (name: string) => `arn:AWS::Partition:events:AWS::Region:AWS::AccountId:rule/${name}`;
    const rules = named(all(), 'AWS::Events::Rule').map((name) => ruleArn(properties(name).Name));
    expect(rules).toEqual([ruleArn('pawl-dev-tick')]);
    const alarms = named(all(), 'AWS::CloudWatch::Alarm').map((alarm) => `${alarm}.Arn`);
    expect(alarms).toHaveLength(11);
    const forbidden = [
      ...tables.flatMap((table) =>
        parts.flatMap((part) => tableActions.map((action) => [`dynamodb:${action}`, table + part])),
      ),
      ...functions.flatMap((name) =>
        ['', ':1', ':$LATEST'].flatMap((part) =>
          functionActions.map((action) => [`lambda:${action}`, arn(name) + part]),
        ),
      ),
      ...queues.flatMap((queue) =>
        ['SendMessage', 'ReceiveMessage', 'PurgeQueue', 'DeleteQueue'].map((action) => [`sqs:${action}`, queue]),
      ),
      ...routes.map(({ method, path }) => [
        'execute-api:Invoke',
        `${api}/${method}${path.replaceAll(/\{\w+\}/g, 'x')}`,
      ]),
      ...['', '/stages/$default', '/routes/r1', '/authorizers/a1'].flatMap((part) =>
        ['PATCH', 'DELETE', 'POST'].map((action) => [
          `apigateway:${action}`,
          `arn:AWS::Partition:apigateway:AWS::Region::/apis/HttpApi${part}`,
        ]),
      ),
      ...roles.flatMap((role) =>
        [
          'iam:PutRolePolicy',
          'iam:DeleteRolePolicy',
          'iam:AttachRolePolicy',
          'iam:UpdateAssumeRolePolicy',
          'iam:DeleteRole',
          'iam:PassRole',
          'sts:AssumeRole',
        ].map((action) => [action, role]),
      ),
      ...policies.flatMap((policy) =>
        ['CreatePolicyVersion', 'SetDefaultPolicyVersion', 'DeletePolicy'].map((action) => [`iam:${action}`, policy]),
      ),
      ...rules.flatMap((rule) =>
        ['DisableRule', 'DeleteRule', 'PutRule', 'RemoveTargets', 'PutTargets'].map((action) => [
          `events:${action}`,
          rule,
        ]),
      ),
      ...alarms.flatMap((alarm) =>
        ['DeleteAlarms', 'DisableAlarmActions', 'PutMetricAlarm', 'SetAlarmState'].map((action) => [
          `cloudwatch:${action}`,
          alarm,
        ]),
      ),
      ...['DeleteTopic', 'SetTopicAttributes', 'Publish'].map((action) => [`sns:${action}`, 'AlarmsTopic']),
      ...['UpdateStack', 'DeleteStack', 'CreateChangeSet'].map((action) => [
        `cloudformation:${action}`,
        'AWS::StackId',
      ]),
    ] as [string, string][];
    for (const [action, resource] of forbidden)
      expect(decision(cells, action, resource), `${action} on ${resource}`).toBe('denied');
    // What is attached for cells stays allowed.
    expect(decision(cells, 'lambda:InvokeFunction', arn(`${functions[0]}-of-mine`))).toBe('allowed');
    expect(decision(cells, 'sqs:SendMessage', 'OtherQueue.Arn')).toBe('allowed');
    expect(decision(cells, 'execute-api:Invoke', api.replace('HttpApi', 'OtherApi'))).toBe('allowed');
    expect(decision(cells, 'sts:AssumeRole', roleArn('of-mine'))).toBe('allowed');
    expect(decision(cells, 'events:PutRule', ruleArn('of-mine'))).toBe('allowed');
  });

  it('of audit: reading the streams of the append-only tables', () => {
    const streams = ['DescribeStream', 'GetRecords', 'GetShardIterator', 'ListStreams'].flatMap((action) =>
      appendOnly.map((table) => `dynamodb:${action} on ${table}.StreamArn`),
    );
    expect(rights('AuditRole')).toEqual([...logs('Audit'), ...streams, 'sqs:SendMessage on FailuresQueue.Arn'].sort());
  });

  it.each(['ApiRole', 'WorkRole', 'TickRole', 'AuditRole', 'ExecuteCellRole', 'ExecuteTaskRole'])(
    '%s may never alter an append-only table, whatever policy is attached to it',
    (role) => {
      for (const table of appendOnly)
        for (const part of ['', '/index/names', '/stream/2026-11-27T00:00:00.000', '/backup/01', '/export/01'])
          for (const action of [...altering, never]) {
            const resource = `${table}.Arn${part}`;
            expect(decision(generous(role), `dynamodb:${action}`, resource), `${action} on ${resource}`).toBe('denied');
          }
    },
  );

  it.each(['ApiRole', 'WorkRole'])(
    `%s appends by ${append}, and may not by ${never}, which others would do`,
    (role) => {
      for (const table of appendOnly) {
        expect(decision(statementsOf(all(), role), `dynamodb:${append}`, `${table}.Arn`)).toBe('allowed');
        expect(decision(generous(role), `dynamodb:${never}`, `${table}.Arn`)).toBe('denied');
      }
      // Subscriptions can be made again from the journal: they are put and deleted as ever.
      expect(decision(statementsOf(all(), role), 'dynamodb:PutItem', 'SubscriptionsTable.Arn')).toBe('allowed');
    },
  );

  it.each(['TickRole', 'AuditRole', 'ExecuteCellRole', 'ExecuteTaskRole'])(
    '%s appends nothing, whatever is attached to it',
    (role) => {
      for (const table of appendOnly)
        expect(decision(generous(role), `dynamodb:${append}`, `${table}.Arn`)).toBe('denied');
    },
  );

  it('lets Lambda alone assume the roles', () => {
    for (const role of named(all(), 'AWS::IAM::Role'))
      expect(properties(role).AssumeRolePolicyDocument.Statement).toEqual([
        { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
      ]);
  });
});

describe('the HTTP API', () => {
  const keys = (from: Resources) =>
    named(from, 'AWS::ApiGatewayV2::Route').map((name) => from[name]?.Properties.RouteKey);
  const authorization = (from: Resources, key: string) =>
    Object.values(from).find(({ Properties }) => Properties?.RouteKey === key)?.Properties.AuthorizationType ?? 'NONE';

  it('has the routes that the handler has, and one for everything else', () => {
    expect(keys(resources).sort()).toEqual(
      [...routes.map(({ method, path }) => `${method} ${path}`), ...files, '$default'].sort(),
    );
  });

  const files = ['GET /console', 'GET /console/{proxy+}'];
  const links = ['GET /links/{secret}', 'POST /links/{secret}'];
  const isOpen = (key: string): boolean => ['GET /health', ...links, ...files].includes(key);

  it('asks for a signature everywhere but at /health, at one-time links and at the files of the console', () => {
    for (const key of keys(resources))
      expect(authorization(resources, key), key).toBe(isOpen(key) ? 'NONE' : 'AWS_IAM');
  });

  it('slows down whoever guesses one-time links, to less than 1,000 a minute', () => {
    const { RouteSettings } = properties('HttpApiStage');
    expect(Object.keys(RouteSettings)).toEqual([...links, ...files]);
    const inAMinute = links.map(
      (key) => RouteSettings[key].ThrottlingRateLimit * 60 + RouteSettings[key].ThrottlingBurstLimit,
    );
    expect(inAMinute.reduce((sum, one) => sum + one, 0)).toBeLessThan(1_000);
    // A stage that names a route before there is one cannot be made.
    const dependsOn = resources.HttpApiStage?.DependsOn ?? [];
    expect([dependsOn].flat().map((route) => properties(route).RouteKey)).toEqual(Object.keys(RouteSettings));
  });

  it('slows down whoever asks for the files of the console, which have no authorizer', () => {
    const { RouteSettings } = properties('HttpApiStage');
    for (const key of files) expect(RouteSettings[key]).toEqual({ ThrottlingRateLimit: 20, ThrottlingBurstLimit: 100 });
  });

  it('tells api how people sign in: by default the client is the audience', () => {
    expect(others.ApiLambdaFunction?.Properties.Environment.Variables).toMatchObject({
      PAWL_JWT_ISSUER: 'https://issuer.example',
      PAWL_JWT_CLIENT_ID: 'pawl',
      PAWL_JWT_SCOPES: 'openid pawl:read pawl:operate pawl:author pawl:decide',
      PAWL_JWT_ORIGINS: '',
    });
  });

  it('asks for a token instead when it is deployed with auth=jwt', () => {
    for (const key of keys(others)) expect(authorization(others, key), key).toBe(isOpen(key) ? 'NONE' : 'JWT');
    expect(others.HttpApiAuthorizerJwt?.Properties).toMatchObject({
      AuthorizerType: 'JWT',
      IdentitySource: ['$request.header.Authorization'],
      JwtConfiguration: { Issuer: 'https://issuer.example', Audience: ['pawl'] },
    });
    expect(others.ApiLambdaFunction?.Properties.Environment.Variables.PAWL_AUTH).toBe('jwt');
  });

  it.each(['read', 'operate', 'author', 'decide'] as const)(
    'the policy %s allows exactly the routes of its permission',
    (permission) => {
      const name = `${permission.charAt(0).toUpperCase()}${permission.slice(1)}Policy`;
      expect(properties(name).ManagedPolicyName).toBe(`pawl-dev-${permission}`);
      const statements = statementsOf(resources, name);
      const may = ({ method, path }: { method: string; path: string }) => {
        const arn = 'arn:AWS::Partition:execute-api:AWS::Region:AWS::AccountId:HttpApi/$default';
        return (
          decision(statements, 'execute-api:Invoke', `${arn}/${method}${path.replaceAll(/\{\w+\}/g, 'x')}`) ===
          'allowed'
        );
      };
      const wanted = routes.filter((route) => route.permission === permission);
      expect(routes.filter((route) => route.permission !== null && may(route))).toEqual(wanted);
      expect(wanted.length).toBeGreaterThan(0);
    },
  );
});

describe('what moves by itself', () => {
  it('a schedule invokes tick every minute, never two at once, never again when one failed', () => {
    const { ScheduleExpression, State, Targets } = properties('TickEventsRuleSchedule1');
    expect([ScheduleExpression, State, textOf(Targets[0].Arn)]).toEqual([
      'rate(1 minute)',
      'ENABLED',
      'TickLambdaFunction.Arn',
    ]);
    expect(properties('TickLambdaFunction').ReservedConcurrentExecutions).toBe(1);
    expect(properties('TickLambdaEvConf')).toMatchObject({ MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 });
  });

  it('work is repeated twice, then what was asked of it goes to the failure queue', () => {
    expect(properties('WorkLambdaEvConf')).toMatchObject({
      MaximumRetryAttempts: 2,
      DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': ['FailuresQueue', 'Arn'] } } },
    });
  });

  it('a cell is never repeated by Lambda', () => {
    for (const name of ['ExecuteCell', 'ExecuteTask'])
      expect(properties(`${name}LambdaEvConf`).MaximumRetryAttempts).toBe(0);
  });

  it('work takes unrecorded outcomes from their queue, one by one, each hidden for six of its time-outs', () => {
    expect(properties('WorkEventSourceMappingSQSUnrecordedQueue')).toMatchObject({
      EventSourceArn: { 'Fn::GetAtt': ['UnrecordedQueue', 'Arn'] },
      BatchSize: 1,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    });
    expect(properties('UnrecordedQueue')).toMatchObject({ VisibilityTimeout: 5400, MessageRetentionPeriod: 1209600 });
  });

  it('work takes wakes from their queue, so many at once; one that was taken does not come back', () => {
    expect(properties('WorkEventSourceMappingSQSWakesQueue')).toMatchObject({
      EventSourceArn: { 'Fn::GetAtt': ['WakesQueue', 'Arn'] },
      BatchSize: 1,
      ScalingConfig: { MaximumConcurrency: 50 },
    });
    const { MessageRetentionPeriod, VisibilityTimeout } = properties('WakesQueue');
    expect(VisibilityTimeout).toBeGreaterThan(MessageRetentionPeriod);
  });

  it('audit alarms on any change of the append-only tables, and only of these', () => {
    for (const table of appendOnly)
      expect(properties(`AuditEventSourceMappingDynamodb${table}`)).toMatchObject({
        EventSourceArn: { 'Fn::GetAtt': [table, 'StreamArn'] },
        StartingPosition: 'TRIM_HORIZON',
        FilterCriteria: { Filters: [{ Pattern: '{"eventName":["MODIFY","REMOVE"]}' }] },
      });
    expect(named(resources, 'AWS::Lambda::EventSourceMapping')).toHaveLength(appendOnly.length + 2);
  });
});

describe('tables', () => {
  it('are on demand, can be restored to any second, and outlive the stack', () => {
    expect(named(resources, 'AWS::DynamoDB::Table')).toEqual([...appendOnly, ...rebuildable]);
    for (const table of [...appendOnly, ...rebuildable]) {
      expect(resources[table]?.DeletionPolicy).toBe('Retain');
      expect(properties(table)).toMatchObject({
        BillingMode: 'PAY_PER_REQUEST',
        DeletionProtectionEnabled: true,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      });
    }
  });

  it('have a stream where they are append-only, and none where they can be rebuilt', () => {
    const streams = [...appendOnly, ...rebuildable].map(
      (table) => properties(table).StreamSpecification?.StreamViewType,
    );
    const images = 'NEW_AND_OLD_IMAGES';
    expect(streams).toEqual([images, images, images, undefined, undefined]);
  });
});

describe('what is watched', () => {
  const alarm = (name: string) => {
    const { Namespace, MetricName, Statistic, ComparisonOperator, Threshold, Period, EvaluationPeriods } =
      properties(name);
    return [Namespace, MetricName, Statistic, ComparisonOperator, Threshold, `${EvaluationPeriods}×${Period} s`].join(
      ' ',
    );
  };
  it('has an alarm for each thing that should wake somebody', () => {
    expect(Object.fromEntries(named(resources, 'AWS::CloudWatch::Alarm').map((name) => [name, alarm(name)]))).toEqual({
      JournalAlteredAlarm: 'Pawl JournalAltered Sum GreaterThanOrEqualToThreshold 1 1×60 s',
      JournalBrokenAlarm: 'Pawl JournalBroken Sum GreaterThanOrEqualToThreshold 1 1×60 s',
      AuditFailingAlarm: 'AWS/Lambda Errors Sum GreaterThanOrEqualToThreshold 1 1×300 s',
      TickFailingAlarm: 'AWS/Lambda Errors Sum GreaterThanOrEqualToThreshold 1 5×60 s',
      TickSilentAlarm: 'AWS/Lambda Invocations Sum LessThanThreshold 1 1×300 s',
      DueLateAlarm: 'Pawl DueOldestAgeMs Maximum GreaterThanThreshold 300000 3×60 s',
      PlaceUnmannedAlarm: 'Pawl PlaceUnmanned Maximum GreaterThanOrEqualToThreshold 1 2×300 s',
      InDoubtAlarm: 'Pawl InDoubt Sum GreaterThanOrEqualToThreshold 1 1×60 s',
      OutcomeUnrecordedAlarm: 'Pawl OutcomeUnrecorded Sum GreaterThanOrEqualToThreshold 1 1×60 s',
      UnrecordedWaitingAlarm: 'AWS/SQS ApproximateAgeOfOldestMessage Maximum GreaterThanThreshold 10800 1×300 s',
      FailuresWaitingAlarm: 'AWS/SQS ApproximateNumberOfMessagesVisible Maximum GreaterThanOrEqualToThreshold 1 1×60 s',
    });
  });

  it('rings at the topic, and watches metrics that the handlers emit, by the service they emit them for', () => {
    for (const name of named(resources, 'AWS::CloudWatch::Alarm')) {
      const { Namespace, MetricName, Dimensions, AlarmActions } = properties(name);
      expect(AlarmActions).toEqual([{ Ref: 'AlarmsTopic' }]);
      if (Namespace !== 'Pawl') continue;
      expect(Object.values(metricNames)).toContain(MetricName);
      expect(Dimensions).toEqual([{ Name: 'service', Value: 'pawl-dev' }]);
    }
  });

  it('has a dashboard that is JSON, shows every alarm and every metric of the handlers', () => {
    const body = textOf(properties('Dashboard').DashboardBody);
    const { widgets } = JSON.parse(body);
    const [first, ...others] = widgets;
    expect(first.properties.alarms.sort()).toEqual(
      named(resources, 'AWS::CloudWatch::Alarm')
        .map((name) => `${name}.Arn`)
        .sort(),
    );
    expect(others.length).toBeGreaterThan(5);
    const shown = Object.values(metricNames).filter(
      (name) => !body.includes(`"${name}"`) && !body.includes(`\\"${name}\\"`),
    );
    expect(shown).toEqual(['JournalAltered', 'JournalBroken', 'PlaceUnmanned']); // Their alarms show them.
  });
});
