/** By whose credentials a request is signed: the place's, or those of a role that they may assume. They are never told. */
import { createHash } from 'node:crypto';
import { type StepInfo, sessionAlphabet, sessionNameCharsMax, shortName } from '../../engine/index.ts';

export type Credentials = { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
type Provider = () => Promise<Credentials>;

/** The shortest that AWS gives: longer than any cell of this kind may take. */
const sessionSeconds = 900;
const assumeAttemptsMax = 2;

let placeProvider: Promise<Provider> | undefined;
/** The usual chain (environment, profile, SSO, container, instance), whose answers it keeps until they run out. */
const ofPlace = async (): Promise<Credentials> => {
  placeProvider ??= import('@aws-sdk/credential-provider-node').then(({ defaultProvider }) => defaultProvider());
  return await (await placeProvider)();
};

/** A reading one, which has no reservation, gets a name of its own. */
const sessionNameOf = ({ name, cell, instanceId, visit }: StepInfo): string => {
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  return name ?? shortName([cell, instanceId, String(visit)], sessionNameCharsMax, sessionAlphabet, sha256);
};

const ofRole = async (role: string, sessionName: string, region: string | null, signal: AbortSignal) => {
  const { AssumeRoleCommand, STSClient } = await import('@aws-sdk/client-sts');
  const client = new STSClient({
    credentials: ofPlace,
    maxAttempts: assumeAttemptsMax,
    ...(region === null ? {} : { region }),
  });
  try {
    const assume = { RoleArn: role, RoleSessionName: sessionName, DurationSeconds: sessionSeconds };
    const { Credentials: given } = await client.send(new AssumeRoleCommand(assume), { abortSignal: signal });
    const { AccessKeyId, SecretAccessKey, SessionToken } = given ?? {};
    if (AccessKeyId === undefined || SecretAccessKey === undefined || SessionToken === undefined)
      throw new Error('STS answered without credentials');
    return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
  } finally {
    client.destroy();
  }
};

/** @throws whatever the SDK does where there are none, or the role may not be assumed: nothing of the cell was sent then */
export const credentialsFor = async (
  { role, region }: { role: string | null; region: string | null },
  step: StepInfo,
  signal: AbortSignal,
): Promise<Credentials> => (role === null ? await ofPlace() : await ofRole(role, sessionNameOf(step), region, signal));

/** What a service tells about a signature it refuses may quote what was signed, the session's token included. */
export const withoutCredentials = (text: string, { accessKeyId, secretAccessKey, sessionToken }: Credentials): string =>
  [sessionToken, secretAccessKey, accessKeyId].reduce<string>(
    (all, secret) => (secret === undefined || secret === '' ? all : all.replaceAll(secret, '•••')),
    text,
  );
