/** What a cell of each kind says, as publishing leaves it: plain JSON, part of a compiled version. */

/** A text with `{{ }}` in it, split at publishing. How a value is written depends on where it stands. */
export type Template = (string | { expression: string; write: TemplateWrite })[];
/**
 * `text`: as it is. `url`: percent-encoded. `json`: as JSON text (the placeholder stands where a JSON value stands).
 * `jsonString`: escaped for the inside of a JSON string (the placeholder stands between quotes). `form`: percent-encoded.
 * `xml`: escaped for the text of an element or a quoted attribute.
 */
export type TemplateWrite = 'text' | 'url' | 'json' | 'jsonString' | 'form' | 'xml';

/**
 * One CEL expression and the line of the document it stands on. With `schema` it is none: that JSON Schema is what the output,
 * or the body of an answer, has to fit, and `source` says so to people.
 */
export type Expression = { source: string; line: number; schema?: Record<string, unknown> };

export type CodeBody = { code: string };
/** How a script is run. `errexit`: with `-eu`; versions from before it have none. `shell`: another one than `/bin/sh`. */
export type ScriptBody = CodeBody & { errexit?: true; shell?: 'bash' };
export type HttpBody = {
  method: string;
  url: Template;
  headers: [string, Template][];
  body: Template | null;
  /** Statuses of which the author knows better than the table of statuses (`cells/statuses`) what they mean. */
  failedOn?: number[];
  unknownOn?: number[];
  /** `Set-Cookie` of the answer stands in the output. */
  cookies?: 'keep';
  /** So many redirects are followed, of GET and HEAD. Without it none is. */
  redirects?: number;
  sigv4?: Sigv4Body;
};
/** Signed for a service of AWS in a region. `role`: by the credentials of this role instead of the place's own. */
type Sigv4Body = { service: string; region: string; role: Template | null };

/** One request to a service of AWS, by the service's own client. */
export type AwsBody = {
  /** As in `@aws-sdk/client-<service>`. */
  service: string;
  action: string;
  /** `null`: the region of the place. */
  region: Template | null;
  /** ARN of the role that is assumed for it; `null`: by the place's own credentials. */
  role: Template | null;
  /** The members, as JSON. */
  input: Template;
  /** Members that get an idempotency token of the visit, since the author gives none. */
  tokens: string[];
  /** Error codes of which the author knows better than the status of the answer what they mean. */
  failedOn?: string[];
  unknownOn?: string[];
};

/** A task of the deployment, called by its name. */
export type TaskBody = {
  task: string;
  /** JSON. */
  input: Template;
  /** What the input has to fit: as the task said when the version was published. */
  schema: Record<string, unknown>;
  /** Nothing of it is done but what is committed with its outcome. */
  effects?: 'commit';
};

export type CellKind =
  | 'ts'
  | 'js'
  | 'sh'
  | 'http'
  | 'aws'
  | 'task'
  | 'assert'
  | 'manual'
  | 'await'
  | 'approve'
  | 'wait'
  | 'end'
  | 'branch'
  | 'each'
  | 'run';

export const claimStatuses = ['asserted', 'supported', 'invalidated', 'superseded'] as const;
export type ClaimStatus = (typeof claimStatuses)[number];

/** Waits until all (or any) of the claims have one of the statuses and the condition holds, which sees `claim`. */
export type AwaitBody = {
  claims: Template[];
  match: 'all' | 'any';
  until: ClaimStatus[];
  condition: Expression | null;
  /** `null`: as long as it takes. */
  withinMs: Lasting | null;
  onTimeout: OnTimeout;
};
/** `fail`: the cell failed. `continue`: it completed, and its output says `timedOut`. */
export type OnTimeout = 'fail' | 'continue';

/** How long something lasts, in ms, or a template for a text like `4h`: judged and fixed when it begins. */
export type Lasting = number | Template;

/** Asks named people, or any member of named groups, whether the run may go on. */
export type ApproveBody = {
  text: Template;
  /** What is shown is the source up to this line, the last of the cell's fence. */
  lines: number;
  /** Names of earlier cells whose logs are shown as well. */
  logs?: string[];
  approvers: Template[];
  groups: Template[];
  /** So many approvals; one rejection is enough. A template: judged when it is asked. */
  quorum: number | Template;
  /** Whether the starter of the run may approve it as well. */
  self: boolean;
  /** `null`: asked for as long as it takes. */
  withinMs: Lasting | null;
  onExpiry: 'approve' | 'reject';
  onReject: 'halt' | 'continue';
};

/** Exactly one of `forMs`, `until` (RFC 3339, with a zone) and `cron` (five fields, in the time zone `tz`). */
export type WaitBody = { forMs: Lasting | null; until: Template | null; cron: string | null; tz: string };

/** A poll is over once it has held for so long, or in so many looks in a row; `within` bounds until it first holds. */
export type Holds = { forMs: number } | { times: number };
