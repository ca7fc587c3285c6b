/** Literal entries, views and faulty clients for the store's suites. */
import { strict as assert } from 'node:assert';
import type { Entry, Journal, View } from '../../src/engine/index.ts';
import type { StoreClient } from '../../src/store/index.ts';
import { initialState } from '../support/state.ts';

/** 24 November 2026, 04:00:00 UTC. */
export const atMs = 1_795_492_800_000;
export const by = { actor: 'ada', via: 'test', where: 'here:1' };

const state = initialState({ cells: 3 });

/** A small entry; `reason` makes it as large as wanted. */
export const entry = (instanceId: string, seq: number, token: string, reason: string | null = null): Entry => ({
  v: 1,
  kind: 'control',
  instanceId,
  seq,
  token: token.padEnd(16, '.'),
  by,
  atMs,
  prev: null,
  state,
  drive: 'auto',
  reason,
});

/** Entries 0 to `count - 1`, each carrying the hash of the one before. */
export const putChain = async (
  journal: Journal,
  instanceId: string,
  count: number,
  reason: string | null = null,
): Promise<void> => {
  let prev: string | null = null;
  for (let seq = 0; seq < count; seq += 1) {
    const put = await journal.putOnce({ ...entry(instanceId, seq, `token-${seq}`, reason), prev });
    assert(put.kind === 'written');
    prev = put.standing.hash;
  }
};

export const view = (instanceId: string, seq: number, more: Partial<View> = {}): View => ({
  instanceId,
  seq,
  status: 'ready',
  runbookId: 'deploy',
  version: 1,
  cell: 'first',
  cellsDone: 0,
  cells: 3,
  drive: 'auto',
  dueAtMs: null,
  startedAtMs: atMs,
  updatedAtMs: atMs,
  startedBy: 'ann',
  params: '{}',
  place: 'local',
  waitsFor: null,
  headHash: `hash-${seq}`,
  ...more,
});

type Sends = (command: { kind: string }) => Promise<unknown>;

/** A client that lets `fault` decide what becomes of each command; `send` passes it on. */
export const faulty = (
  client: StoreClient,
  fault: (name: string, send: () => Promise<unknown>) => Promise<unknown>,
): StoreClient => {
  const send = client.send.bind(client) as Sends;
  const faultySend: Sends = (command) => fault(command.kind, () => send(command));
  return { send: faultySend } as StoreClient;
};

export const named = (name: string, more: object = {}): Error =>
  Object.assign(new Error(`${name} (made by the test)`), { name, ...more });
export const timeout = (): Error => named('TimeoutError', { code: 'ETIMEDOUT' });
