/** The client gives up in time (failure 20): a request that hung would eat the whole invocation. */

import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createClient } from '../../src/store/dynamodb.ts';
import { createStore } from '../../src/store/index.ts';
import { entry } from './fixtures.ts';

/** Three attempts of three seconds each, the pauses between them, and what a loaded machine adds. */
const givesUpWithinMs = 15_000;

describe('a store that does not answer', { timeout: 60_000 }, () => {
  let close: () => void = () => {};
  afterEach(() => close());

  const journalOn = async (server: Server) => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { client, clock, document } = createClient({ tablesPrefix: 't', endpoint: `http://127.0.0.1:${port}` });
    close = () => {
      document.destroy();
      server.close();
    };
    return createStore(client, { clock }).journal;
  };

  /** Asserts how a read ends, and when: not before one time-out has passed, not after all of them have. */
  const expectGivenUp = async (read: Promise<unknown>): Promise<void> => {
    const sentMs = performance.now();
    await expect(read).rejects.toMatchObject({ code: 'store.unavailable' });
    const tookMs = performance.now() - sentMs;
    expect(tookMs).toBeGreaterThan(2_500);
    expect(tookMs).toBeLessThan(givesUpWithinMs);
  };

  test('accepts and never answers: unavailable for a read, unknown for a put', async () => {
    let connections = 0;
    const silent = createServer((socket) => {
      connections += 1;
      socket.on('error', () => {}).resume();
    });
    const journal = await journalOn(silent);
    const [, put] = await Promise.all([expectGivenUp(journal.head('a')), journal.putOnce(entry('a', 0, 'mine'))]);
    expect(put).toMatchObject({ kind: 'unknown' });
    // The put and the look at its slot each tried three times, as did the read beside them.
    expect(connections).toBe(9);
  });

  test('stops in the middle of its answer: the same', async () => {
    let requests = 0;
    const stopping = createHttpServer((_, response) => {
      requests += 1;
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0', 'content-length': '1000' });
      response.write('{"Items":[');
    });
    const journal = await journalOn(stopping);
    await expectGivenUp(journal.head('a'));
    expect(requests).toBeGreaterThan(0);
  });
});
