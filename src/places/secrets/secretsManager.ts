/** Secrets in AWS Secrets Manager, by id and id of version. */
import { GetSecretValueCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { limits } from '../../engine/index.ts';
import { foundByError, nameOf } from './awsErrors.ts';
import type { Source } from './source.ts';

export const createSecretsManagerSource = (): Source => {
  const client = new SecretsManagerClient({ maxAttempts: 2 });
  const inTime = () => ({ abortSignal: AbortSignal.timeout(limits.secretReadMsMax) });
  return {
    read: async (id, version) => {
      try {
        const asked = { SecretId: id, ...(version === undefined ? {} : { VersionId: version }) };
        const { SecretString, VersionId = '' } = await client.send(new GetSecretValueCommand(asked), inTime());
        if (SecretString === undefined) return { kind: 'missing', why: 'is no text' };
        return { kind: 'read', value: SecretString, version: VersionId };
      } catch (error) {
        // It says the same of a secret and of a version that is not there; a person who looks sees which.
        if (version !== undefined && nameOf(error) === 'ResourceNotFoundException') return { kind: 'gone' };
        return foundByError(error);
      }
    },
    keep: async (id, value) => {
      try {
        const put = new PutSecretValueCommand({ SecretId: id, SecretString: value });
        const { VersionId = '' } = await client.send(put, inTime());
        return { kind: 'kept', version: VersionId };
      } catch (error) {
        return { kind: 'lost', why: `could not be written (${nameOf(error)})` };
      }
    },
  };
};
