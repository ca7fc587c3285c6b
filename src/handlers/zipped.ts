/**
 * Answers in fewer bytes for callers that take gzip: a journal repeats itself, and neither API Gateway nor `pawl serve` compresses.
 * Brotli would save a tenth more for three times the work.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** What fits into one packet comes no sooner for being smaller. */
const zippedFromBytes = 1_400;

/** @param accepted the header `Accept-Encoding`, as it came */
export const takesGzip = (accepted: string | string[] | undefined): boolean => {
  const qualities = new Map(
    String(accepted ?? '')
      .split(',')
      .map((one) => {
        const [name = '', ...parameters] = one.split(';').map((part) => part.trim().toLowerCase());
        const quality = parameters.find((part) => part.startsWith('q='));
        return [name, quality === undefined ? 1 : Number(quality.slice(2))];
      }),
  );
  const quality = qualities.get('gzip') ?? qualities.get('*') ?? 0;
  return quality > 0 && quality >= (qualities.get('identity') ?? 0);
};

type Result = { statusCode: number; headers: Record<string, string>; body: string; isBase64Encoded?: true };

/** A tag that says the very bytes would be another one now; a weak one says what they mean. */
const weak = (etag: string): string => (etag.startsWith('W/') ? etag : `W/${etag}`);

/** Of JSON alone: a page of a one-time link is small, and holds what is nobody else's. */
export const zippedFor = async (accepted: string | undefined, result: Result): Promise<Result> => {
  const { headers, body, isBase64Encoded } = result;
  if (isBase64Encoded || !headers['content-type']?.endsWith('json')) return result;
  const told: Result['headers'] = { ...headers, vary: 'accept-encoding' };
  if (Buffer.byteLength(body) < zippedFromBytes || !takesGzip(accepted)) return { ...result, headers: told };
  const bytes = await promisify(gzip)(body);
  return {
    ...result,
    headers: { ...told, 'content-encoding': 'gzip', ...(told.etag === undefined ? {} : { etag: weak(told.etag) }) },
    body: bytes.toString('base64'),
    isBase64Encoded: true,
  };
};
