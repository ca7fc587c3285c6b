/** The service of the examples: a POST is answered by what was sent, its key is known at `/reports/KEY` afterwards; else all is well. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export const echoService = async () => {
  const keys = new Set<string>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const sent = Buffer.concat(chunks).toString('utf8');
    const isPost = request.method === 'POST';
    if (isPost) keys.add(String(request.headers['idempotency-key']));
    const asked = /^\/reports\/(.+)$/.exec(request.url ?? '')?.[1];
    const isThere = asked === undefined || keys.has(decodeURIComponent(asked));
    response.writeHead(isPost ? 201 : isThere ? 200 : 404, { 'content-type': 'application/json' });
    response.end(isPost ? sent : '{"status":"ok"}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
