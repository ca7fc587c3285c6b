/**
 * The right of `api` and `work` to read the secrets of `--param secrets=…`, and to write those of `secretsWritten`: a policy of
 * its own, and none where both are empty. Read before a cell begins, so that `execute-cell` needs no right to any.
 */

/** Where it is, as `from:` in a runbook says it; a `*` at the end stands for whatever follows. Never all there are. */
const ssm = /^ssm:(\/[\w./-]*[\w.-]\/?\*?)$/;
const secretsManager = /^secretsmanager:([\w/+=.@-]+)(\*?)$/;
const byArn = /^secretsmanager:(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+\*?)$/;

const here = '${AWS::Region}:${AWS::AccountId}';

/** @param {string} name of the parameter @param {string} entry */
const arnOf = (name, entry) => {
  const [, path] = ssm.exec(entry) ?? [];
  if (path !== undefined) return { 'Fn::Sub': `arn:\${AWS::Partition}:ssm:${here}:parameter${path}` };
  const [, id, star] = secretsManager.exec(entry) ?? [];
  // Secrets Manager puts a dash and six characters of its own behind a name.
  const end = star === '*' ? '*' : '-??????';
  if (id !== undefined) return { 'Fn::Sub': `arn:\${AWS::Partition}:secretsmanager:${here}:secret:${id}${end}` };
  const [, arn] = byArn.exec(entry) ?? [];
  if (arn !== undefined) return arn;
  throw new Error(
    `${name} has ${JSON.stringify(entry)}; it is a list of entries like ssm:/pawl/* or secretsmanager:pager-token, with commas between them.`,
  );
};

/** @param {string} name @param {unknown} value */
const arnsOf = (name, value) => {
  if (typeof value !== 'string') throw new Error(`${name} is ${JSON.stringify(value)}; it is a text.`);
  const entries = value
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  /** @param {string} store */
  const of = (store) => entries.filter((entry) => entry.startsWith(`${store}:`)).map((entry) => arnOf(name, entry));
  const [parameters, secrets] = [of('ssm'), of('secretsmanager')];
  const other = entries.find((entry) => !/^(?:ssm|secretsmanager):/.test(entry));
  if (other !== undefined) arnOf(name, other);
  return { parameters, secrets };
};

/** @param {string} Sid @param {string} Action @param {unknown[]} Resource */
const statement = (Sid, Action, Resource) =>
  Resource.length === 0 ? [] : [{ Sid, Effect: 'Allow', Action, Resource }];

/** @param {{ resolveVariable(address: string): Promise<unknown> }} serverless */
module.exports = async ({ resolveVariable }) => {
  const read = arnsOf('secrets', await resolveVariable('param:secrets'));
  const written = arnsOf('secretsWritten', await resolveVariable('param:secretsWritten'));
  const Statement = [
    ...statement('ReadParameters', 'ssm:GetParameter', read.parameters),
    ...statement('ReadSecrets', 'secretsmanager:GetSecretValue', read.secrets),
    ...statement('WriteParameters', 'ssm:PutParameter', written.parameters),
    ...statement('WriteSecrets', 'secretsmanager:PutSecretValue', written.secrets),
  ];
  if (Statement.length === 0) return { Resources: {} };
  const prefix = await resolveVariable('self:custom.prefix');
  return {
    Resources: {
      SecretsPolicy: {
        Type: 'AWS::IAM::Policy',
        Properties: {
          PolicyName: `${prefix}-secrets`,
          PolicyDocument: { Version: '2012-10-17', Statement },
          Roles: [{ Ref: 'ApiRole' }, { Ref: 'WorkRole' }],
        },
      },
    },
  };
};
