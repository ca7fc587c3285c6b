/**
 * AWS as the procedures meet it: it takes what is signed as AWS documents it, hands out sessions of one role, and does in the
 * stage's world what its services would. Who did what it knows as an audit log does: by the name of the session.
 */
import type { IncomingMessage } from 'node:http';
import { verify } from '../support/sigv4.ts';
import type { World } from './stage.ts';

export const role = 'arn:aws:iam::123456789012:role/operator';
const region = 'eu-central-1';
const place = { id: 'AKIDPLACE', secret: 'secret-of-the-place' };
const session = { id: 'ASIAROLE', secret: 'secret-of-the-session', token: 'token-of-' };
/** Of both: nowhere may they stand. */
export const awsSecrets = [place.secret, session.secret, session.token];

/** What the profile of an operator says. */
export const configFor = (host: string): string =>
  [
    '[profile operator]',
    `region = ${region}`,
    `aws_access_key_id = ${place.id}`,
    `aws_secret_access_key = ${place.secret}`,
    `endpoint_url = http://${host}`,
    '',
  ].join('\n');

type Said = { status: number; text: string; headers: Record<string, string> };
export type AwsCall = {
  /** `rds DescribeDBInstances orders` */
  what: string;
  /** The name of the session. */
  key: string;
  answer(): Said;
};

type Asked = { service: string; action: string; about: string; given: URLSearchParams; body: string };
type Act = (asked: Asked, world: World) => Said;

const xml = (text: string, status = 200): Said => ({
  status,
  text,
  headers: { 'content-type': 'text/xml', 'x-amzn-requestid': 'r-1' },
});
const refusal = (status: number, code: string): Said =>
  xml(`<ErrorResponse><Error><Code>${code}</Code><Message>so it is</Message></Error></ErrorResponse>`, status);
const queried = (action: string, content: string): Said =>
  xml(`<${action}Response><${action}Result>${content}</${action}Result></${action}Response>`);

/** Databases are files rds/NAME: "STATE SOURCE SNAPSHOT". One that is new or renamed is so for one look. */
const lookAt = (world: World, name: string): string => {
  const [state, source, snapshot] = (world.read(`rds/${name}`) ?? '').split(' ');
  world.write(`rds/${name}`, `available ${source} ${snapshot}`);
  const from =
    source === 'None' ? '' : `<ReadReplicaSourceDBInstanceIdentifier>${source}</ReadReplicaSourceDBInstanceIdentifier>`;
  return `<DBInstance><DBInstanceIdentifier>${name}</DBInstanceIdentifier><DBInstanceStatus>${state}</DBInstanceStatus>${from}</DBInstance>`;
};
const filtered = (given: URLSearchParams): string[] =>
  [...given].flatMap(([name, value]) => (/^Filters\.Filter\.1\.Values\.Value\.\d+$/.test(name) ? [value] : []));

const changeOf = (state: string): string =>
  `<ChangeInfo><Id>/change/C1</Id><Status>${state}</Status><SubmittedAt>2026-11-29T10:00:00Z</SubmittedAt></ChangeInfo>`;

const acts: Record<string, Act> = {
  AssumeRole: ({ given }) => {
    if (given.get('RoleArn') !== role) return refusal(403, 'AccessDenied');
    const { id, secret, token } = session;
    return queried(
      'AssumeRole',
      `<Credentials><AccessKeyId>${id}</AccessKeyId><SecretAccessKey>${secret}</SecretAccessKey><SessionToken>${token}${given.get('RoleSessionName')}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>`,
    );
  },
  DescribeDBInstances: ({ about, given }, world) => {
    if (about !== '' && world.read(`rds/${about}`) === null) return refusal(404, 'DBInstanceNotFound');
    const names = about === '' ? filtered(given).filter((name) => world.read(`rds/${name}`) !== null) : [about];
    const found = names.map((name) => lookAt(world, name)).join('');
    return queried('DescribeDBInstances', `<DBInstances>${found}</DBInstances>`);
  },
  RestoreDBInstanceFromDBSnapshot: ({ about, given }, world) => {
    if (world.read(`rds/${about}`) !== null) return refusal(400, 'DBInstanceAlreadyExists');
    world.write(`rds/${about}`, `creating None ${given.get('DBSnapshotIdentifier')}`);
    return queried('RestoreDBInstanceFromDBSnapshot', '');
  },
  ModifyDBInstance: ({ about, given }, world) => {
    const to = given.get('NewDBInstanceIdentifier') ?? '';
    const [, ...rest] = world.read(`rds/${about}`)?.split(' ') ?? [];
    if (rest.length === 0) return refusal(404, 'DBInstanceNotFound');
    if (world.read(`rds/${to}`) !== null) return refusal(400, 'DBInstanceAlreadyExists');
    world.write(`rds/${to}`, ['renaming', ...rest].join(' '));
    world.remove(`rds/${about}`);
    return queried('ModifyDBInstance', '');
  },
  DeleteDBInstance: ({ about }, world) => {
    if (world.read(`rds/${about}`) === null) return refusal(404, 'DBInstanceNotFound');
    world.remove(`rds/${about}`);
    return queried('DeleteDBInstance', '');
  },
  PromoteReadReplica: ({ about }, world) => {
    if (world.read(`rds/${about}`)?.split(' ')[1] === 'None') return refusal(400, 'InvalidDBInstanceState');
    world.write(`rds/${about}`, 'modifying None -');
    world.write('recovery', 'f');
    return queried('PromoteReadReplica', '');
  },
  GetMetricStatistics: (_, world) => ({
    status: 200,
    text: JSON.stringify({ Datapoints: [{ Maximum: Number(world.read('lag')), Timestamp: 1_795_946_400 }] }),
    headers: { 'content-type': 'application/x-amz-json-1.0' },
  }),
  ChangeResourceRecordSets: ({ body }, world) => {
    world.write('dns', body);
    return xml(`<ChangeResourceRecordSetsResponse>${changeOf('PENDING')}</ChangeResourceRecordSetsResponse>`);
  },
  GetChange: (_, world) => {
    const state = world.read('.asked') === null ? 'PENDING' : 'INSYNC';
    world.write('.asked', '1');
    return xml(`<GetChangeResponse>${changeOf(state)}</GetChangeResponse>`);
  },
};

/** What is asked for stands in the path, in a header or in the body: each service has a protocol of its own. */
const askedOf = (service: string, { method, url = '', headers }: IncomingMessage, body: string): Asked => {
  const given = new URLSearchParams(body);
  const target = String(headers['x-amz-target'] ?? '').split('.')[1];
  const rest = method === 'POST' ? 'ChangeResourceRecordSets' : 'GetChange';
  const action = service === 'route53' ? rest : (target ?? given.get('Action') ?? '');
  const about = service === 'route53' ? (url.split('/')[3] ?? '') : (given.get('DBInstanceIdentifier') ?? '');
  return { service, action, about, given, body };
};

/** Each line of refuse/ACTION refuses one request: `400 Throttling`. With a `!` behind it, it is done all the same; `-` refuses none. */
const refusedOnce = (world: World, action: string): { said: Said; isDone: boolean } | undefined => {
  const [first = '', ...others] = (world.read(`refuse/${action}`) ?? '').split('\n');
  if (first === '') return undefined;
  world.write(`refuse/${action}`, others.join('\n'));
  if (first === '-') return undefined;
  const [status, code = ''] = first.replace('!', '').split(' ');
  return { said: refusal(Number(status), code), isDone: first.endsWith('!') };
};

export const isOfAws = ({ headers }: IncomingMessage): boolean =>
  headers.authorization?.startsWith('AWS4-HMAC-SHA256') === true;

/** @param did called when the world was changed */
export const awsCallOf = (request: IncomingMessage, bytes: Buffer, world: World, did: () => void): AwsCall => {
  const secrets: Record<string, string> = { [place.id]: place.secret, [session.id]: session.secret };
  const signed = verify(request, bytes, (id) => secrets[id]);
  if (typeof signed === 'string')
    return { what: `a bad signature: ${signed}`, key: '', answer: () => refusal(403, 'SignatureDoesNotMatch') };
  const asked = askedOf(signed.service, request, bytes.toString());
  const { service, action, about } = asked;
  const isLook = /^(?:Assume|Describe|Get)/.test(action);
  const { sessionToken = '' } = signed;
  return {
    what: [service, action, about].filter((word) => word !== '').join(' '),
    key: isLook ? '' : sessionToken.slice(session.token.length),
    answer: () => {
      const act = acts[action];
      if (act === undefined) return refusal(400, 'NobodyHasTaughtThis');
      // Only sessions of the role may do more than assume it.
      if (action !== 'AssumeRole' && !sessionToken.startsWith(session.token)) return refusal(403, 'AccessDenied');
      const refused = refusedOnce(world, action);
      if (refused !== undefined && !refused.isDone) return refused.said;
      const said = act(asked, world);
      if (!isLook && said.status < 300) did();
      return refused?.said ?? said;
    },
  };
};
