/** From what was measured to money: a table of list prices, what is assumed, and the multiplication. */

/** How much one thing needed: a start, a cell, a tick. */
export type Use = {
  /** Requests to DynamoDB. */
  requests: number;
  /** Units by table, and by `table/index`. A write unit is 1 KB, a read unit 4 KB, half of one where a lag is allowed. */
  write: Record<string, number>;
  read: Record<string, number>;
  /** Requests to the API, and invocations of execute-cell. */
  calls: number;
  executions: number;
  /** What the functions wrote to their logs, metrics among it. Lambda's own three lines per invocation are not in it. */
  logBytes: number;
};

/** US dollars, us-east-1, list prices of 2025 without free tier or discounts. To be checked before anybody relies on them. */
export const prices = {
  perMillionWriteUnits: 0.625,
  perMillionReadUnits: 0.125,
  perGbSecondArm64: 0.0000133334,
  perMillionInvocations: 0.2,
  perMillionHttpCalls: 1.0,
  perGbOfLog: 0.5,
  perGbMonthStored: 0.25,
  perGbMonthRecoverable: 0.2,
} as const;

/** What no bench on one machine can measure: the time that functions are billed for. */
export type Assumptions = {
  /** From the invocation of a cell to its answer: what the cell does, and starting its process. */
  cellMs: number;
  /** The rest of what `api` is billed for: for each of its calls, and for each request to DynamoDB. */
  callMs: number;
  requestMs: number;
};
export const assumed: Assumptions = { cellMs: 500, callMs: 20, requestMs: 10 };

/** GB, as serverless.yml has them. */
export const memory = { api: 1, executeCell: 1, tick: 0.5 } as const;

export const sum = (units: Record<string, number>): number => Object.values(units).reduce((all, one) => all + one, 0);

const added = (a: Record<string, number>, b: Record<string, number>, times: number): Record<string, number> => {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  return Object.fromEntries(names.map((name) => [name, (a[name] ?? 0) + (b[name] ?? 0) * times]));
};

export const plus = (a: Use, b: Use, times = 1): Use => ({
  requests: a.requests + b.requests * times,
  write: added(a.write, b.write, times),
  read: added(a.read, b.read, times),
  calls: a.calls + b.calls * times,
  executions: a.executions + b.executions * times,
  logBytes: a.logBytes + b.logBytes * times,
});

export const nothing: Use = { requests: 0, write: {}, read: {}, calls: 0, executions: 0, logBytes: 0 };
export const times = (use: Use, factor: number): Use => plus(nothing, use, factor);

export type Bill = Record<'writes' | 'reads' | 'lambdaTime' | 'invocations' | 'http' | 'log' | 'total', number>;

/** What a million of `use` cost; `cells`: how many cells one of it runs. While a cell runs, `api` waits and is billed too. */
export const billOf = (use: Use, cells: number, { cellMs, callMs, requestMs }: Assumptions): Bill => {
  const apiMs = cells * cellMs + use.calls * callMs + use.requests * requestMs;
  const gbSeconds = (memory.api * apiMs + memory.executeCell * use.executions * cellMs) / 1_000;
  const parts = {
    writes: sum(use.write) * prices.perMillionWriteUnits,
    reads: sum(use.read) * prices.perMillionReadUnits,
    lambdaTime: gbSeconds * prices.perGbSecondArm64 * 1_000_000,
    invocations: (use.calls + use.executions) * prices.perMillionInvocations,
    http: use.calls * prices.perMillionHttpCalls,
    log: (use.logBytes * 1_000_000 * prices.perGbOfLog) / 1e9,
  };
  return { ...parts, total: sum(parts) };
};

/** A month of keeping what a million of `use` wrote to the journal, recovery included: at most 1 KB for each unit. */
export const keptMonth = ({ write }: Use): number =>
  ((write.journal ?? 0) * 1_024 * 1_000_000 * (prices.perGbMonthStored + prices.perGbMonthRecoverable)) / 1024 ** 3;

const ticksPerMonth = 60 * 24 * 30;

/** A month of ticks that find nothing. An empty answer is charged as half a unit, which DynamoDB Local does not count. */
export const idleMonth = (tick: Use, { requestMs, callMs }: Assumptions): number => {
  const gbSeconds = (memory.tick * (callMs + tick.requests * requestMs)) / 1_000;
  const readUnits = Math.max(sum(tick.read), tick.requests / 2);
  const each =
    (readUnits * prices.perMillionReadUnits + prices.perMillionInvocations) / 1_000_000 +
    gbSeconds * prices.perGbSecondArm64 +
    (tick.logBytes * prices.perGbOfLog) / 1e9;
  return each * ticksPerMonth;
};
