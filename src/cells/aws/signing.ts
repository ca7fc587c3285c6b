/** Signs a request of an `http` cell by SigV4, right before it is sent. */
import type { CellInput, CellResult } from '../../engine/index.ts';
import { type AwsAllowed, allowedNow, isHostAllowed, whyNotAllowed } from './allowed.ts';
import { credentialsFor } from './credentials.ts';

type HttpBody = Extract<CellInput['body'], { kind: 'http' }>;
type Headers = Record<string, string>;
type Sign = (request: { url: URL; method: string; headers: Headers; body: string | null }) => Promise<Headers>;

const refused = (code: string, message: string): CellResult => ({
  status: 'failed',
  error: { code, message },
  unbegun: true,
});

/** Why a signature may not be made for it. `undefined`: it may, or none is asked for. */
export const whyUnsigned = ({ sigv4, url }: HttpBody, allowed: AwsAllowed): CellResult | undefined => {
  if (sigv4 === undefined) return undefined;
  const allow = allowedNow(allowed);
  const why = whyNotAllowed(allow, { service: 'sign', action: sigv4.service, role: sigv4.role });
  if (typeof allow === 'string' || why !== undefined) return refused('aws.notAllowed', why ?? String(allow));
  const { host } = new URL(url);
  if (isHostAllowed(allow, new URL(url))) return undefined;
  const message = `A request signed for AWS goes to AWS over https; ${host} is not there. Whoever runs this place can add ${JSON.stringify(host)} to \`allow.hosts\`.`;
  return refused('aws.notAllowed', message);
};

/** @throws whatever the SDK does where there are no credentials: nothing was sent then */
export const signerFor = async ({ body, step }: CellInput, signal: AbortSignal): Promise<Sign | undefined> => {
  const { sigv4 } = body as HttpBody;
  if (sigv4 === undefined) return undefined;
  const { service, region } = sigv4;
  const { SignatureV4 } = await import('@smithy/signature-v4');
  const { Sha256 } = await import('@aws-crypto/sha256-js');
  const credentials = await credentialsFor(sigv4, step, signal);
  // S3 signs a path as it is; everybody else encodes it once more.
  const signer = new SignatureV4({ service, region, credentials, sha256: Sha256, uriEscapePath: service !== 's3' });
  return async ({ url, method, headers, body }) => {
    const query: Record<string, string[]> = {};
    for (const [name, value] of url.searchParams) query[name] = [...(query[name] ?? []), value];
    const { protocol, hostname, pathname: path, host } = url;
    const signed = await signer.sign({ method, protocol, hostname, path, query, headers: { ...headers, host }, body });
    const { host: _, ...others } = signed.headers;
    return others;
  };
};
