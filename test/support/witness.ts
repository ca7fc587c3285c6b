/**
 * A witness outside of every engine: cells tell it when they begin, and it keeps them open until enough rivals have said
 * what they were told. What it saw is compared with the journal.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Witness = {
  url: string;
  /** One line per request to /effect, in order: the idempotency key it came with. */
  effects: string[];
  /** What rivals posted to /told. */
  told: unknown[];
  /** Effects are answered once this many have been told. */
  holdUntilTold(count: number): void;
  close(): Promise<void>;
};

export const createWitness = async (): Promise<Witness> => {
  let wanted = 0;
  const effects: string[] = [];
  const told: unknown[] = [];
  const held: (() => void)[] = [];
  const barrier: (() => void)[] = [];
  const release = (): void => {
    if (told.length >= wanted) for (const answer of held.splice(0)) answer();
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const answer = (value: unknown = {}): void => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify(value));
      };
      if (request.url === '/effect') {
        effects.push(String(request.headers['idempotency-key']));
        held.push(answer);
        release();
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
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    effects,
    told,
    holdUntilTold: (count) => {
      wanted = count;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
};
