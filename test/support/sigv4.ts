/**
 * Recomputes the signature of a request as AWS documents it, from the bytes that came: so a stub refuses what AWS would. Written
 * apart from what signs.
 */
import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const hex = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);

const queryOf = (query: string): string =>
  query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => pair.split('='))
    .map(([name = '', value = '']) => `${encoded(decodeURIComponent(name))}=${encoded(decodeURIComponent(value))}`)
    .sort()
    .join('&');

export type Signed = { accessKeyId: string; region: string; service: string; sessionToken: string | undefined };

/** Why it would be refused, or for whom and what it is signed. */
export const verify = (
  request: IncomingMessage,
  body: Buffer,
  secretOf: (accessKeyId: string) => string | undefined,
): Signed | string => {
  const { headers, method = '', url = '' } = request;
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    );
  if (match === null) return 'it is not signed';
  const [, accessKeyId = '', day = '', region = '', service = '', names = '', signature = ''] = match;
  const secret = secretOf(accessKeyId);
  if (secret === undefined) return `nobody knows ${accessKeyId}`;
  if (!names.split(';').includes('host')) return 'its host is not signed';
  const date = String(headers['x-amz-date']);
  if (!date.startsWith(day)) return 'its dates differ';
  const [path = '', query = ''] = url.split('?');
  const canonicalPath = service === 's3' ? path : path.split('/').map(encoded).join('/');
  const lines = names.split(';').map(
    (name) =>
      `${name}:${String(headers[name] ?? '')
        .trim()
        .replace(/ +/g, ' ')}\n`,
  );
  const declared = headers['x-amz-content-sha256'];
  if (declared !== undefined && declared !== hex(body)) return 'its body is another';
  const canonical = [method, canonicalPath, queryOf(query), lines.join(''), names, hex(body)].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', date, `${day}/${region}/${service}/aws4_request`, hex(canonical)].join('\n');
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, day), region), service), 'aws4_request');
  if (hmac(key, toSign).toString('hex') !== signature) return 'the signature is of something else';
  return { accessKeyId, region, service, sessionToken: headers['x-amz-security-token'] as string | undefined };
};
