/** The service that runbooks/post_merge.md looks after, small enough for the demo and the tests. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type DemoServer = {
  /** `http://127.0.0.1:<port>` */
  base: string;
  /** `127.0.0.1:<port>`, for PAWL_HTTP_ALLOW. */
  host: string;
  /** Texts announced, one for each `Idempotency-Key`. */
  announced(): string[];
  close(): Promise<void>;
};

const read = async (request: IncomingMessage): Promise<string> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString('utf8');
};

const send = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};

export const startDemoServer = async (options: { migration: string; delayMs?: number }): Promise<DemoServer> => {
  const announcements = new Map<string, string>();
  const announce = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const text = await read(request);
    const key = String(request.headers['idempotency-key'] ?? `none-${announcements.size}`);
    const isNew = !announcements.has(key);
    if (isNew) announcements.set(key, text);
    send(response, isNew ? 201 : 200, { id: `a-${[...announcements.keys()].indexOf(key) + 1}` });
  };
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const asked = `${request.method} ${request.url}`;
    if (asked === 'GET /health') return send(response, 200, { status: 'ok' });
    if (asked === 'GET /schema') return send(response, 200, { migration: options.migration });
    if (asked === 'POST /announcements') return void announce(request, response);
    send(response, 404, { error: `no such thing: ${asked}` });
  };
  const server = createServer((request, response) => {
    setTimeout(() => answer(request, response), options.delayMs ?? 0);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const host = `127.0.0.1:${port}`;
  return {
    base: `http://${host}`,
    host,
    announced: () => [...announcements.values()],
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};
