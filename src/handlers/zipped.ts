/** Answers in fewer bytes for callers that take that: a journal repeats itself, and neither API Gateway nor `pawl serve` compresses. */
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

/** What fits into one packet comes no sooner for being smaller. */
const zippedFromBytes = 1_400;
/** About as fast as gzip's default, and smaller. */
const brotliQuality = 4;

const zippers = {
  br: (body: Buffer): Promise<Buffer> =>
    promisify(brotliCompress)(body, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: brotliQuality,
        [constants.BROTLI_PARAM_SIZE_HINT]: body.byteLength,
      },
    }),
  gzip: (body: Buffer): Promise<Buffer> => promisify(gzip)(body),
} as const;
const codings = ['br', 'gzip'] as const;

/**
 * The one of `ours` that a caller likes best, the first of several; `undefined`: it takes none, or rather none.
 * @param accepted the header `Accept-Encoding`, as it came
 */
export const codingFor = <C extends string>(
  accepted: string | string[] | undefined,
  ours: readonly C[],
): C | undefined => {
  const qualities = new Map(
    String(accepted ?? '')
      .split(',')
      .map((one) => {
        const [name = '', ...parameters] = one.split(';').map((part) => part.trim().toLowerCase());
        const quality = parameters.find((part) => part.startsWith('q='));
        return [name, quality === undefined ? 1 : Number(quality.slice(2))];
      }),
  );
  const least = qualities.get('identity') ?? 0;
  const qualityOf = (coding: C): number => qualities.get(coding) ?? qualities.get('*') ?? 0;
  return ours
    .filter((coding) => qualityOf(coding) > 0 && qualityOf(coding) >= least)
    .sort((a, b) => qualityOf(b) - qualityOf(a))[0];
};

type Result = { statusCode: number; headers: Record<string, string>; body: string; isBase64Encoded?: true };

/** A tag that says the very bytes would be another one now; a weak one says what they mean. */
const weak = (etag: string): string => (etag.startsWith('W/') ? etag : `W/${etag}`);

type Asked = { headers?: Record<string, string>; requestContext?: { http?: { method?: string } } };

/**
 * Of JSON that was read alone: a page of a one-time link is small, and holds what is nobody else's, as the answer does that makes such a
 * link (docs/security.md).
 */
export const zippedFor = async ({ headers: asked, requestContext }: Asked, result: Result): Promise<Result> => {
  if (!['GET', 'HEAD'].includes(requestContext?.http?.method ?? '')) return result;
  const { headers, body, isBase64Encoded } = result;
  if (isBase64Encoded || !headers['content-type']?.endsWith('json')) return result;
  const told: Result['headers'] = { ...headers, vary: 'accept-encoding' };
  const coding = codingFor(asked?.['accept-encoding'], codings);
  const bytes = Buffer.from(body);
  if (bytes.byteLength < zippedFromBytes || coding === undefined) return { ...result, headers: told };
  const zipped = (await zippers[coding](bytes)).toString('base64');
  // Lambda counts what it is handed: that is never more than what fitted as it was.
  if (zipped.length > bytes.byteLength) return { ...result, headers: told };
  return {
    ...result,
    headers: { ...told, 'content-encoding': coding, ...(told.etag === undefined ? {} : { etag: weak(told.etag) }) },
    body: zipped,
    isBase64Encoded: true,
  };
};
