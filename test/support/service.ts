/** The service that the runbooks in runbooks/ talk to, as their prose describes it. What it was asked to do can be seen. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Service = {
  base: string;
  host: string;
  /** `METHOD path` of every request, in order. */
  asked: string[];
  /** Bodies stored once for each idempotency key. */
  announcements: Map<string, unknown>;
  drills: Map<string, unknown>;
  revoked: string[];
  drillAgeDays: number;
  close(): Promise<void>;
};

export const createService = async (): Promise<Service> => {
  const service = {
    asked: [],
    announcements: new Map(),
    drills: new Map(),
    revoked: [],
    drillAgeDays: 45,
  } as unknown as Service;
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const { method = '', url = '' } = request;
      const key = String(request.headers['idempotency-key']);
      service.asked.push(`${method} ${url}`);
      const answer = (status: number, value: unknown): void => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
      };
      const store = (kept: Map<string, unknown>): void => {
        if (!kept.has(key)) kept.set(key, JSON.parse(body));
        answer(201, { id: key });
      };
      const route = `${method} ${url.replace(/^(\/keys|\/drills\/by-key)\/.*$/, '$1/')}`;
      if (route === 'GET /health') answer(200, { status: 'ok' });
      else if (route === 'GET /schema') answer(200, { migration: '0042_orders' });
      else if (route === 'POST /announcements') store(service.announcements);
      else if (route === 'GET /keys/') answer(200, { id: url.slice('/keys/'.length), active: true });
      else if (route === 'DELETE /keys/') {
        service.revoked.push(url.slice('/keys/'.length));
        answer(200, {});
      } else if (route === 'GET /drills/last') answer(200, { ageDays: service.drillAgeDays });
      else if (route === 'POST /drills') store(service.drills);
      else if (route === 'GET /drills/by-key/')
        answer(service.drills.has(decodeURIComponent(url.slice('/drills/by-key/'.length))) ? 200 : 404, {});
      else answer(404, { error: 'not here' });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  service.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  service.base = `http://${service.host}`;
  service.close = () =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return service;
};
