/** What the operations of the API work with, and what each call brings. */
import type { Authoring, By, Clock, Engine, Version } from '../engine/index.ts';
import type { Auth } from './actor.ts';
import type { HandOver } from './events.ts';
import type { Telemetry } from './metrics.ts';

type Listed = {
  runbookId: string;
  version: number;
  hash: string;
  title: string;
  cells: number;
  by: string;
  atMs: number;
};

export type ApiDeps = {
  engine: Engine;
  runbooks: {
    get(runbookId: string, version?: number): Promise<Version | undefined>;
    list(limit: number, after?: string): Promise<{ runbooks: Listed[]; next: string | null }>;
  };
  authoring: Pick<Authoring, 'compile'>;
  clock: Clock;
  sha256(text: string): string;
  auth: Auth;
  /** The claim of a JWT that names groups. */
  groupsClaim: string;
  deployment: { name: string; epoch: number; takeoverGraceMs: number };
  telemetry: Telemetry;
  /** An answer is on its way by then, whatever still runs. */
  answerWithinMs: number;
  /** Invokes `work`. `false`: it was refused, or gave no answer; then nothing runs there that was not asked for. */
  handOver(event: HandOver): Promise<boolean>;
};

export type ApiCall = {
  by: By;
  /** That whoever acts is in, as the authorizer says. */
  groups: string[];
  /** A browser asks: it is to get a page. */
  wantsPage: boolean;
  /** Of this service, without a path, where the request says it. */
  origin: string;
  /** `Prefer: respond-async`. */
  isAsync: boolean;
  /** Until an answer has to be on its way. */
  answerLeftMs(): number;
  /** Until the end of the invocation. */
  remainingMs(): number;
};
