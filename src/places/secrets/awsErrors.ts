/** What the errors of the two stores on AWS mean. No message of theirs is told: it may quote what was asked. */
import type { Found } from './source.ts';

const refused = new Set([
  'AccessDeniedException',
  'AccessDenied',
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'ExpiredTokenException',
  'ExpiredToken',
  'MissingAuthenticationToken',
  'CredentialsProviderError',
  'DecryptionFailure',
  'InvalidKeyId',
  'KMSAccessDeniedException',
]);
const absent = new Set(['ParameterNotFound', 'ResourceNotFoundException']);
const wrong = new Set(['ValidationException', 'InvalidParameterException', 'InvalidRequestException']);

export const nameOf = (error: unknown): string => (error instanceof Error ? error.name : 'unknown');

export const foundByError = (error: unknown): Found => {
  const name = nameOf(error);
  if (absent.has(name)) return { kind: 'missing', why: 'is not there' };
  if (refused.has(name)) return { kind: 'missing', why: `may not be read by this place (${name})` };
  if (wrong.has(name)) return { kind: 'missing', why: `cannot be read (${name})` };
  return { kind: 'later', why: `was not answered (${name})` };
};
