/**
 * The right of `api` and `work` to write the tables of `--param commitTables=…`, which tasks commit to with their outcome: a policy of its
 * own, and none where it is empty. By a PutItem and its like inside of a transaction alone; by PartiQL, where `appendOnly=insert`
 * appends by that, IAM knows no such condition.
 */

/** As `commit` takes it: no ARN, which would lead to other accounts, and never all there are. */
const name = /^[A-Za-z_][A-Za-z0-9_.-]{2,254}$/;
const ours = ['journal', 'runbooks', 'claims', 'views', 'subscriptions'];

/** @type {Record<string, { Action: string[], Condition?: object }>} */
const rights = {
  put: {
    Action: ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem', 'dynamodb:ConditionCheckItem'],
    Condition: { 'ForAnyValue:StringEquals': { 'dynamodb:EnclosingOperation': ['TransactWriteItems'] } },
  },
  insert: {
    Action: ['dynamodb:PartiQLInsert', 'dynamodb:PartiQLUpdate', 'dynamodb:PartiQLDelete', 'dynamodb:PartiQLSelect'],
  },
};

/** @param {unknown} given @param {unknown} tables the prefix of Pawl's own */
const namesOf = (given, tables) => {
  if (typeof given !== 'string') throw new Error(`commitTables is ${JSON.stringify(given)}; it is a text.`);
  const names = given
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  for (const entry of names) {
    if (!name.test(entry))
      throw new Error(
        `commitTables has ${JSON.stringify(entry)}; it is a list of names of tables, like stock,sales, with commas between them.`,
      );
    if (ours.some((own) => entry === `${tables}-${own}`))
      throw new Error(`commitTables has ${JSON.stringify(entry)}, a table of Pawl: nothing but Pawl writes it.`);
  }
  return names;
};

/** @param {{ resolveVariable(address: string): Promise<unknown> }} serverless */
module.exports = async ({ resolveVariable }) => {
  const names = namesOf(await resolveVariable('param:commitTables'), await resolveVariable('param:tables'));
  // Another value is refused by infra/append-action.cjs.
  const right = rights[String(await resolveVariable('param:appendOnly'))];
  if (names.length === 0 || right === undefined) return { Resources: {} };
  const arn = 'arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table';
  const Resource = names.map((entry) => ({ 'Fn::Sub': `${arn}/${entry}` }));
  return {
    Resources: {
      CommitTablesPolicy: {
        Type: 'AWS::IAM::Policy',
        Properties: {
          PolicyName: `${await resolveVariable('self:custom.prefix')}-commit-tables`,
          PolicyDocument: {
            Version: '2012-10-17',
            Statement: [{ Sid: 'Commit', Effect: 'Allow', ...right, Resource }],
          },
          Roles: [{ Ref: 'ApiRole' }, { Ref: 'WorkRole' }],
        },
      },
    },
  };
};
