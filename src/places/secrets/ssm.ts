/** Secrets in the Parameter Store of AWS, by name and number of version. */
import { GetParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { limits } from '../../engine/index.ts';
import { foundByError, nameOf } from './awsErrors.ts';
import type { Source } from './source.ts';

export const createSsmSource = (): Source => {
  // Where it is and who asks, is the SDK's own business: AWS_REGION, AWS_ENDPOINT_URL_SSM and so on.
  const client = new SSMClient({ maxAttempts: 2 });
  const inTime = () => ({ abortSignal: AbortSignal.timeout(limits.secretReadMsMax) });
  return {
    read: async (name, version) => {
      try {
        const asked = { Name: version === undefined ? name : `${name}:${version}`, WithDecryption: true };
        const { Parameter } = await client.send(new GetParameterCommand(asked), inTime());
        if (Parameter?.Value === undefined) return { kind: 'missing', why: 'has no value' };
        return { kind: 'read', value: Parameter.Value, version: String(Parameter.Version ?? 0) };
      } catch (error) {
        if (version !== undefined && ['ParameterVersionNotFound', 'ParameterNotFound'].includes(nameOf(error)))
          return { kind: 'gone' };
        return foundByError(error);
      }
    },
    keep: async (name, value) => {
      try {
        const put = new PutParameterCommand({ Name: name, Value: value, Type: 'SecureString', Overwrite: true });
        const { Version = 0 } = await client.send(put, inTime());
        return { kind: 'kept', version: String(Version) };
      } catch (error) {
        return { kind: 'lost', why: `could not be written (${nameOf(error)})` };
      }
    },
  };
};
