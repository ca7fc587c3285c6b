/** What an error of a service says about the request: `failed` (it was not accepted, so nothing happened), or `unknown`. */
import { isReadingAction } from '../../engine/index.ts';

type Asked = { action: string; failedOn?: readonly string[]; unknownOn?: readonly string[] };

/** Refused for being too many, whatever the status says: some services answer so with 503. */
const throttled: ReadonlySet<string> = new Set([
  ...['BandwidthLimitExceeded', 'EC2ThrottledException', 'LimitExceededException', 'RequestLimitExceeded'],
  ...['ProvisionedThroughputExceededException', 'RequestThrottled', 'RequestThrottledException', 'SlowDown'],
  ...['ThrottledException', 'Throttling', 'ThrottlingException', 'TooManyRequestsException'],
]);

/** A request that the service itself gave up on may have been half way. */
const givenUp: ReadonlySet<number> = new Set([408, 499]);

/** @param codes as the SDK and as the wire calls it */
export const meaningOf = (status: number, codes: readonly string[], asked: Asked): 'failed' | 'unknown' => {
  const { action, failedOn = [], unknownOn = [] } = asked;
  if (codes.some((code) => failedOn.includes(code))) return 'failed';
  if (codes.some((code) => unknownOn.includes(code))) return 'unknown';
  if (isReadingAction(action) || codes.some((code) => throttled.has(code))) return 'failed';
  return status >= 300 && status < 500 && !givenUp.has(status) ? 'failed' : 'unknown';
};
