/**
 * A witness outside of every engine: cells tell it when they begin, and it keeps them open until enough rivals have said
 * what they were told. What it saw is compared with the journal.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One effect: the idempotency key it came with, and what was posted. */
type Effect = { key: string; body: string };

export type Witness = {
  url: string;
  host: string;
  /** One line per request to /effect, in order: the idempotency key it came with. */
  effects: string[];
  /** The same with what they carried. */
  seen: Effect[];
  /** What rivals posted to /told. */
  told: unknown[];
  /** Effects are answered once this many have been told. */
  holdUntilTold(count: number): void;
  /** Called for every effect, before it is answered; what it awaits, the effect awaits. */
  onEffect(act: (effect: Effect) => unknown): void;
  /** Resolves once there have been so many effects. */
  effectsReach(count: number): Promise<void>;
  close(): Promise<void>;
};

export const createWitness = async (): Promise<Witness> => {
  let wanted = 0;
  let act: (effect: Effect) => unknown = () => {};
  const effects: string[] = [];
  const seen: Effect[] = [];
  const told: unknown[] = [];
  const held: (() => void)[] = [];
  const barrier: (() => void)[] = [];
  const waiting: { count: number; resolve(): void }[] = [];
  const release = (): void => {
    if (told.length >= wanted) for (const answer of held.splice(0)) answer();
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const body = Buffer.concat(chunks).toString();
      const key = String(request.headers['idempotency-key']);
      const answer = (value: unknown = {}, status = 200): void => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(value));
      };
      if (request.url === '/effect') {
        effects.push(key);
        seen.push({ key, body });
        for (const one of waiting) if (effects.length >= one.count) one.resolve();
        await act({ key, body });
        held.push(answer);
        release();
      } else if (request.url?.startsWith('/happened/')) {
        // What a probe asks: has the effect of this key happened?
        const asked = decodeURIComponent(request.url.slice('/happened/'.length));
        answer({ count: effects.filter((one) => one === asked).length }, effects.includes(asked) ? 200 : 404);
      } else if (request.url === '/told') {
        told.push(JSON.parse(body));
        answer();
        release();
      } else if (request.url?.startsWith('/barrier/')) {
        // Everybody waits until the last one is here.
        barrier.push(answer);
        if (barrier.length === Number(request.url.slice('/barrier/'.length))) for (const go of barrier.splice(0)) go();
      } else {
        response.writeHead(404).end();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${host}`,
    host,
    effects,
    seen,
    told,
    holdUntilTold: (count) => {
      wanted = count;
    },
    onEffect: (next) => {
      act = next;
    },
    effectsReach: (count) =>
      new Promise((resolve) => {
        waiting.push({ count, resolve });
        if (effects.length >= count) resolve();
      }),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
};
