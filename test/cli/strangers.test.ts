/** A URL at which no Pawl service answers: whatever is there, one sentence says so and what to do, and nothing is done. */
import { createServer as createHttp, type RequestListener } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import { noAnswer } from '../../src/cli/noService.ts';
import { setup } from './support.ts';

const place = setup();
const servers: Server[] = [];
const listening = async (server: Server): Promise<string> => {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
};
const http = (answer: RequestListener): Promise<string> => listening(createHttp(answer));
const answering = (status: number, type: string, body: string, more = {}): Promise<string> =>
  http((_request, response) => {
    response.writeHead(status, { 'content-type': type, ...more });
    response.end(body);
  });
const raw = (speak: (socket: Socket) => void): Promise<string> => listening(createServer(speak));
const closed = async (): Promise<string> => {
  const server = createServer();
  const host = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return host;
};
afterAll(() => {
  for (const server of servers) server.close();
});

const page = '<!doctype html><title>Welcome</title>';
const noPawl = /^pawl: What answers at http:\/\/127\.0\.0\.1:\d+ is no Pawl service \(.*\): correct --url or PAWL_URL/;
type Stranger = { what: string; host(): Promise<string>; scheme?: 'https'; exit: number; says: RegExp };
const strangers: Stranger[] = [
  { what: 'a page', host: () => answering(200, 'text/html', page), exit: 2, says: /\(HTTP 200, text\/html\)/ },
  { what: 'a page that is not there', host: () => answering(404, 'text/html', page), exit: 2, says: noPawl },
  { what: 'a page for members only', host: () => answering(403, 'text/html', page), exit: 2, says: noPawl },
  {
    what: 'a page elsewhere',
    host: () => answering(302, 'text/html', page, { location: 'https://example.com/login' }),
    exit: 2,
    says: /it sends callers on to https:\/\/example\.com\/login/,
  },
  {
    what: 'another JSON API',
    host: () => answering(200, 'application/json', '{"items":[]}'),
    exit: 2,
    says: /HTTP 200 with another JSON than Pawl's/,
  },
  { what: 'a JSON text', host: () => answering(200, 'application/json', '"pong"'), exit: 2, says: noPawl },
  {
    what: 'another JSON API that knows no such path',
    host: () => answering(404, 'application/json', '{"error":"not found"}'),
    exit: 2,
    says: noPawl,
  },
  { what: 'another status', host: () => answering(204, 'text/plain', ''), exit: 2, says: noPawl },
  {
    what: 'a closed port',
    host: closed,
    exit: 4,
    says: /^pawl: Nothing listens at \S+, so nothing was done: correct --url or PAWL_URL, or start the service/,
  },
  {
    what: 'what speaks no HTTP',
    host: () => raw((socket) => socket.end('220 mail.example.com ESMTP\r\n')),
    exit: 2,
    says: /is no Pawl service \(it speaks no HTTP\): correct --url or PAWL_URL, perhaps to https:/,
  },
  {
    what: 'what speaks no TLS',
    host: () => answering(200, 'text/html', page),
    scheme: 'https',
    exit: 2,
    says: /speaks no TLS \(\w+\): write http:\/\/ in --url/,
  },
];

describe.each(strangers)('$what', ({ host, scheme = 'http', exit, says }) => {
  test.each([[['list']], [['cancel', 'run-1', '--reason', 'wrong']]])('%j', async (args) => {
    const ended = await place.pawl(...args, '--url', `${scheme}://${await host()}`);
    expect([ended.exit, ended.out]).toEqual([exit, '']);
    expect(ended.err).toMatch(says);
    expect(ended.err.trim().split('\n')).toHaveLength(1);
    expect(ended.err).not.toContain('defect');
  });
});

test.each([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'is not trusted'],
  ['CERT_HAS_EXPIRED', 'is not trusted'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'is not trusted'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'is not trusted'],
])('a certificate: %s', (code, says) => {
  const cause = Object.assign(new Error('no'), { code });
  const refused = noAnswer(new URL('https://pawl.example.com/v1'), new TypeError('fetch failed', { cause }), false);
  expect(refused.code).toBe('request.invalid');
  expect(refused.message).toBe(
    `The certificate of https://pawl.example.com ${says} (${code}): correct --url or PAWL_URL, or name the authority that signed it in NODE_EXTRA_CA_CERTS.`,
  );
});
