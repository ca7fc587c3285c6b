/** A proxy in front of a DynamoDB endpoint that loses answers: the request arrives and is carried out, its caller never hears. */
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Proxy = {
  endpoint: string;
  /** Asked for every request once its answer is here; `true` drops it. */
  dropWhen(decide: (target: string, body: string) => boolean): void;
  dropped: string[];
  /** The store is away: every connection is cut before a request is carried out. */
  refuse(away: boolean): void;
  close(): Promise<void>;
};

const read = async (stream: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

export const createProxy = async (endpoint: string): Promise<Proxy> => {
  let decide = (_target: string, _body: string): boolean => false;
  const dropped: string[] = [];
  let away = false;
  const server = createServer(async (incoming, outgoing) => {
    if (away) return void incoming.socket.destroy();
    const body = await read(incoming);
    const target = String(incoming.headers['x-amz-target']).split('.').at(-1) ?? '';
    const upstream = httpRequest(endpoint, { method: incoming.method, headers: incoming.headers }, async (answer) => {
      const content = await read(answer);
      if (decide(target, body.toString())) {
        dropped.push(target);
        incoming.socket.destroy();
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      outgoing.end(content);
    });
    upstream.on('error', () => incoming.socket.destroy());
    upstream.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    dropWhen: (next) => {
      decide = next;
    },
    dropped,
    refuse: (now) => {
      away = now;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
};
