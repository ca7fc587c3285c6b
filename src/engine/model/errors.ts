/**
 * The one error class of Pawl. Match on `code`, never on class or text.
 *
 * `status` is the HTTP status the code answers with; `fate` says what a caller may expect of asking again:
 * `refuse` never, `later` yes (nothing was done, or the journal will tell), `halt` only after a person acted.
 */
type Fate = 'refuse' | 'later' | 'halt';

export const errorCodes = {
  'request.invalid': { status: 400, fate: 'refuse' },
  'params.invalid': { status: 400, fate: 'refuse' },
  'limit.exceeded': { status: 413, fate: 'refuse' },
  'runbook.invalid': { status: 422, fate: 'refuse' },
  'runbook.unknown': { status: 404, fate: 'refuse' },
  'instance.unknown': { status: 404, fate: 'refuse' },
  'instance.exists': { status: 409, fate: 'refuse' },
  'instance.finished': { status: 409, fate: 'refuse' },
  'cancel.refused': { status: 409, fate: 'refuse' },
  'undo.refused': { status: 409, fate: 'refuse' },
  'continue.refused': { status: 409, fate: 'halt' },
  'concurrency.held': { status: 409, fate: 'later' },
  'step.inFlight': { status: 409, fate: 'later' },
  'seq.stale': { status: 409, fate: 'later' },
  'verdict.early': { status: 409, fate: 'later' },
  'verdict.holderNotKnown': { status: 409, fate: 'later' },
  'answer.refused': { status: 422, fate: 'refuse' },
  'attachment.refused': { status: 422, fate: 'refuse' },
  'attachment.unknown': { status: 404, fate: 'refuse' },
  'verdict.refused': { status: 409, fate: 'refuse' },
  'verdicts.busy': { status: 429, fate: 'later' },
  'claim.unknown': { status: 404, fate: 'refuse' },
  'claim.stale': { status: 409, fate: 'later' },
  'claim.final': { status: 409, fate: 'refuse' },
  'vote.notAsked': { status: 403, fate: 'refuse' },
  'vote.self': { status: 403, fate: 'refuse' },
  'vote.stale': { status: 409, fate: 'later' },
  'vote.double': { status: 409, fate: 'refuse' },
  'vote.closed': { status: 409, fate: 'refuse' },
  'link.unknown': { status: 404, fate: 'refuse' },
  'link.used': { status: 410, fate: 'refuse' },
  'link.expired': { status: 410, fate: 'refuse' },
  'cell.unknown': { status: 404, fate: 'refuse' },
  'cell.outOfOrder': { status: 409, fate: 'refuse' },
  'cell.notWaiting': { status: 409, fate: 'refuse' },
  'inputs.changed': { status: 500, fate: 'halt' },
  'journal.newer': { status: 500, fate: 'halt' },
  'journal.broken': { status: 500, fate: 'halt' },
  'store.unavailable': { status: 503, fate: 'later' },
  'route.unknown': { status: 404, fate: 'refuse' },
  'output.cut': { status: 409, fate: 'halt' },
  'output.unknown': { status: 404, fate: 'refuse' },
  'method.refused': { status: 405, fate: 'refuse' },
  'media.unsupported': { status: 415, fate: 'refuse' },
  'actor.unknown': { status: 401, fate: 'refuse' },
  'actor.other': { status: 409, fate: 'refuse' },
  'permission.missing': { status: 403, fate: 'refuse' },
  'work.unavailable': { status: 503, fate: 'later' },
  'deployment.unsupported': { status: 500, fate: 'refuse' },
  internal: { status: 500, fate: 'refuse' },
  'store.misconfigured': { status: 500, fate: 'refuse' },
  'outcome.unrecorded': { status: 503, fate: 'later' },
} as const satisfies Record<string, { status: number; fate: Fate }>;

export type ErrorCode = keyof typeof errorCodes;

/** One thing wrong in a document or an input; line and column count from 1. */
export type Problem = { line: number; column: number; message: string };

export class PawlError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;
  constructor(code: ErrorCode, message: string, details: Record<string, unknown> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'PawlError';
    this.code = code;
    this.details = details;
  }
}

export const isPawlError = (error: unknown, code?: ErrorCode): error is PawlError =>
  error instanceof PawlError && (code === undefined || error.code === code);

/** I10: a 503 promises nothing and names the id to ask again with. */
export const withInstanceId = async <T>(instanceId: string, answer: Promise<T>): Promise<T> => {
  try {
    return await answer;
  } catch (error) {
    if (!isPawlError(error, 'store.unavailable') || 'instanceId' in error.details) throw error;
    throw new PawlError(error.code, error.message, { ...error.details, instanceId }, error.cause);
  }
};
