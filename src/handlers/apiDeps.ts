/** What the operations of the API work with, and what each call brings. */
import type { BodyOf, Permission } from '../contract/index.ts';
import type { Authoring, By, Clock, Engine, Version } from '../engine/index.ts';
import type { Auth } from './actor.ts';
import type { ConsoleFiles, SignIn } from './consoleFiles.ts';
import type { HandOver } from './events.ts';
import type { Telemetry } from './metrics.ts';

type Heartbeat = Omit<BodyOf<'workers'>['workers'][number], 'state'>;

/** Who says that they are alive, and where. */
export type Heartbeats = {
  list(place?: string): Promise<{ workers: Heartbeat[]; wanted: BodyOf<'workers'>['wanted'] }>;
  /** Something waits for a place that nobody serves. */
  want(place: string, nowMs: number): Promise<void>;
};

/** Whose turn it is to decide about many, over all processes that answer. */
type Turns = {
  take(ms: number, longestMs: number): Promise<{ isMine: boolean; untilMs: number }>;
};

/** Also where no function is, and nothing listens on a port: the command line runs the operations in its own process. */
export type OperationDeps = {
  engine: Engine;
  runbooks: {
    get(runbookId: string, version?: number): Promise<Version | undefined>;
    list(limit: number, after?: string): Promise<BodyOf<'listRunbooks'>>;
    history(runbookId: string, limit: number, before?: number): Promise<BodyOf<'versions'>['versions']>;
  };
  workers: Heartbeats;
  pace: Turns;
  authoring: Pick<Authoring, 'compile' | 'render'>;
  clock: Clock;
  sha256(text: string): string;
  deployment: { name: string; epoch: number; takeoverGraceMs: number; decidePeople?: 1 | 2 };
  telemetry: Pick<Telemetry, 'advanced'>;
  /**
   * Invokes `work`. `false`: it was refused, or gave no answer; then nothing runs there that was not asked for. Without it
   * everything runs here.
   */
  handOver?(event: HandOver): Promise<boolean>;
};

export type ApiDeps = OperationDeps & {
  auth: Auth;
  /** The claim of a JWT that names groups. */
  groupsClaim: string;
  telemetry: Telemetry;
  /** The page in the browser. `before`: something that stands before the API serves it. Without it its paths are unknown. */
  console?: { signIn: SignIn; files: ConsoleFiles } | 'before' | undefined;
  /** An answer is on its way by then, whatever still runs. Asked again and again: a process that ends answers at once. */
  readonly answerWithinMs: number;
};

export type ApiCall = {
  by: By;
  /** The caller's groups, as the authorizer says. */
  groups: string[];
  /** What they may do; `null`: this service is not told. */
  permissions: Permission[] | null;
  /** A browser asks: it is to get a page. */
  wantsPage: boolean;
  /** Whether this service shows people the console. */
  hasConsole: boolean;
  /** Of this service, without a path, where the request says it. */
  origin: string;
  /** `Prefer: respond-async`. */
  isAsync: boolean;
  /** Until an answer has to be on its way. */
  answerLeftMs(): number;
  /** Until the end of the invocation. */
  remainingMs(): number;
  /** Fires when the waiting caller gives up: the running cell is stopped and recorded, nothing further begins. */
  signal?: AbortSignal;
};
