/** The functions of the service for a stack of one's own. middy and the SDK's clients are loaded at the first event. */

/** As much of Lambda's context as the functions read. */
export type LambdaContext = {
  awsRequestId: string;
  functionName: string;
  invokedFunctionArn: string;
  memoryLimitInMB: string;
  getRemainingTimeInMillis(): number;
};
/** A function of Lambda: an event and its context in, an answer out. */
export type Invoke<Answer> = (event: unknown, context: LambdaContext) => Promise<Answer>;
export type HttpAnswer = { statusCode: number; headers: Record<string, string>; body: string };

type Loaded<Answer> = { handler(event: unknown, context: never): Promise<Answer> };

const onDemand =
  <Answer>(load: () => Promise<Loaded<Answer>>): Invoke<Answer> =>
  async (event, context) =>
    (await load()).handler(event, context as never);

export const demandedHandlers: {
  /** The HTTP API, by payload 2.0 of API Gateway. */
  api: Invoke<HttpAnswer>;
  /** Goes on with runs, asynchronously. */
  work: Invoke<unknown>;
  /** The schedule: finds what is due, once a minute. */
  tick: Invoke<unknown>;
  /** Reads the streams of the append-only tables, and raises the alarm for what was altered. */
  audit: Invoke<unknown>;
  /** Runs one code cell, without any permission. */
  executeCell: Invoke<unknown>;
  /** Runs one task of the deployment. */
  executeTask: Invoke<unknown>;
} = {
  api: onDemand(() => import('../handlers/functions/api.ts')),
  work: onDemand(() => import('../handlers/functions/work.ts')),
  tick: onDemand(() => import('../handlers/functions/tick.ts')),
  audit: onDemand(() => import('../handlers/functions/audit.ts')),
  executeCell: onDemand(() => import('../handlers/functions/executeCell.ts')),
  executeTask: onDemand(() => import('../handlers/functions/executeTask.ts')),
};
