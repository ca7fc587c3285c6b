/** What the errors of the AWS SDK and of SQLite mean for us. They end here: nothing beyond this folder sees one but as a `cause`. */
import { PawlError } from '../engine/index.ts';

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '');

const attemptsOf = (error: unknown): number => {
  const metadata = error instanceof Error && '$metadata' in error ? error.$metadata : undefined;
  const attempts =
    typeof metadata === 'object' && metadata !== null && 'attempts' in metadata ? metadata.attempts : undefined;
  return typeof attempts === 'number' ? attempts : 1;
};

/** The service, or the SDK before sending, turned the request down for good: no repetition of it can succeed. */
const hopeless = new Set([
  'ValidationException',
  'AccessDeniedException',
  'ResourceNotFoundException',
  'SerializationException',
  'UnrecognizedClientException',
  'InvalidSignatureException',
  'IncompleteSignatureException',
  'MissingAuthenticationTokenException',
  'CredentialsProviderError',
  'UnknownOperationException',
  'SQLITE_READONLY',
  'SQLITE_NOTADB',
]);

/** SQLite met a lock before its commit: nothing was written, and a repetition may succeed. */
const neverBegun = new Set(['StoreBusy']);

/** Refusals that may be about what a request holds, and not about who sends it or where to. */
const aboutContent = new Set(['ValidationException', 'SerializationException']);

const nextMoves: Record<string, string> = {
  ResourceNotFoundException: 'create the tables of infra/tables.yml under this prefix, or correct the prefix',
  AccessDeniedException: 'let the role read the tables of infra/tables.yml and append to them, as appendOnly says',
  CredentialsProviderError: 'provide AWS credentials',
  UnknownOperationException: 'this table service is not DynamoDB itself and knows no INSERT, so use appendOnly=put',
  UnrecognizedClientException: 'check the AWS credentials and the region',
  SQLITE_READONLY: 'make pawl.db and its folder writable',
  SQLITE_NOTADB: 'pawl.db is no database: restore it from a backup',
  InvalidSignatureException: 'check the AWS credentials and the region',
};

/** Why nothing came of it, where that is known. */
const reasons: Record<string, string> = {
  StoreBusy: 'another process had the lock, and nothing was written',
  SQLITE_FULL: 'the disk is full',
};

const isTooLarge = (error: unknown): boolean =>
  nameOf(error) === 'ValidationException' &&
  error instanceof Error &&
  /item size has exceeded|aggregated size/i.test(error.message);

/**
 * Whether a put that ended in this error provably wrote nothing and never will. Only a refusal of the first attempt is
 * a proof: before a later one an attempt without an answer may have landed.
 */
export const provesRefusal = (error: unknown): boolean =>
  neverBegun.has(nameOf(error)) || (hopeless.has(nameOf(error)) && attemptsOf(error) === 1);

/** The error that leaves the store. `action` is what was tried and on which id, as the beginning of a sentence. */
export const storeError = (error: unknown, action: string): PawlError => {
  if (error instanceof PawlError) return error;
  const name = nameOf(error) || 'no answer';
  if (isTooLarge(error)) {
    return new PawlError('limit.exceeded', `${action} was refused: the item is over 400 KB.`, {}, error);
  }
  if (hopeless.has(name)) {
    const next = nextMoves[name] ?? 'see the cause';
    return new PawlError(
      'store.misconfigured',
      `${action} was refused (${name}): ${next}.`,
      { name, content: aboutContent.has(name) },
      error,
    );
  }
  const why = reasons[name] ?? 'the store gave no usable answer';
  const message = `${action} failed (${name}): ${why}, ask again later.`;
  return new PawlError('store.unavailable', message, { name }, error);
};
