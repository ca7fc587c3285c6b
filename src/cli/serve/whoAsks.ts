/** Whom a service takes this machine's requests for: the page offers people only what they are asked for. */
import { PawlError } from '../../engine/index.ts';
import type { ServiceSettings } from '../service.ts';

/** An issuer's token says it; that of a service on one machine does not, and whoever has it says who they are. */
const subjectOf = (token: string): string | undefined => {
  try {
    const { sub } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sub?: unknown };
    return typeof sub === 'string' ? sub : undefined;
  } catch {
    return undefined;
  }
};

/** As API Gateway says it of a signed request. */
const callerIn = async (region: string): Promise<string> => {
  const { GetCallerIdentityCommand, STSClient } = await import('@aws-sdk/client-sts');
  const client = new STSClient({ region });
  try {
    return (await client.send(new GetCallerIdentityCommand({}))).Arn ?? '';
  } catch (error) {
    const { name, message } = error as Error;
    const next = 'log in to AWS, or name a profile in AWS_PROFILE';
    throw new PawlError(
      'actor.unknown',
      `AWS does not say whose credentials these are (${name}: ${message}): ${next}.`,
    );
  } finally {
    client.destroy();
  }
};

/** @throws PawlError `actor.unknown` */
export const whoAsks = async ({ credentials }: ServiceSettings): Promise<string> => {
  if (credentials.kind === 'iam') return await callerIn(credentials.region);
  return subjectOf(credentials.token ?? '') ?? credentials.actor;
};
