/** A server and a runbook that tell their secrets in whatever Pawl may quote: errors, redirects, expectations, looks, probes, approvals. */

import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';

/** Tells what it was sent as `Authorization`, in every part of an answer. */
const answersOf = (token: string, port: number): Record<string, string> => {
  const json = JSON.stringify({ token, hex: Buffer.from(token).toString('hex'), [token]: [encodeURIComponent(token)] });
  const head = (status: string, ...lines: string[]): string =>
    [`HTTP/1.1 ${status}`, 'connection: close', ...lines, '', ''].join('\r\n');
  const ok = `${head('200 OK', 'content-type: application/json', `content-length: ${Buffer.byteLength(json)}`)}${json}`;
  const to = (where: string): string => head('302 Found', `location: ${where}`, 'content-length: 0');
  const query = `?key=${encodeURIComponent(token)}&b=${Buffer.from(token).toString('base64url')}`;
  return {
    '/echo': ok,
    '/reason': head(`500 ${token}`, 'content-length: 0'),
    '/garbled': `HTTP/1.1 ${token}\r\n\r\n`,
    '/headers': head('200 OK', `x-${token}: \u0000${token}`, 'content-length: 0'),
    '/cut': `${head('200 OK', 'content-type: application/json', 'content-length: 9999')}${json}`,
    '/coded': `${head('200 OK', 'content-encoding: gzip', `content-length: ${Buffer.byteLength(json)}`)}${json}`,
    '/unfollowed': to(`http://127.0.0.1:${port}/echo${query}`),
    '/followed': to(`http://127.0.0.1:${port}/echo${query}`),
    '/elsewhere': to(`http://127.0.0.1:1/${query}`),
    '/inwards': to(`http://10.0.0.1/${query}`),
    '/user': to(`http://user:${encodeURIComponent(token)}@127.0.0.1:${port}/`),
    '/none': to(`http://[${token}/`),
  };
};

export const startLeaking = async (): Promise<{ port: number; paths: string[]; server: Server }> => {
  const server = createServer((socket) => {
    let asked = '';
    socket.on('error', () => {});
    socket.on('data', (data) => {
      asked += data.toString('latin1');
      if (!asked.includes('\r\n\r\n')) return;
      const path = /^\S+ ([^ ?]+)/.exec(asked)?.[1] ?? '';
      const token = /^authorization: Bearer (.+)\r$/im.exec(asked)?.[1] ?? 'nothing';
      const { port } = server.address() as AddressInfo;
      socket.end(answersOf(token, port)[path] ?? 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { port, paths: Object.keys(answersOf('x', port)).map((path) => path.slice(1)), server };
};

const fence = (head: string, body: string): string => `\`\`\`${head}\n${body}\n\`\`\`\n`;

/** @param from where its secret is */
export const leakingDocument = (from: string, port: number, paths: string[]): string => {
  const ask = (path: string): string =>
    `GET http://127.0.0.1:${port}/${path}\nAuthorization: Bearer {{ secrets.TOKEN }}`;
  const redirects = ['followed', 'elsewhere', 'inwards', 'user', 'none'];
  const requests = paths.map((path) =>
    fence(
      `http { name=${path} timeout=2s optional=true retry=0 interrupted=hold${redirects.includes(path) ? ' redirects=3' : ''} }`,
      ask(path),
    ),
  );
  return [
    `---\nrunbook: leaking\ntitle: Tells what it has\nsecrets:\n  TOKEN: { from: "${from}", hosts: ["127.0.0.1:${port}"] }\n---\n`,
    ...requests,
    fence(
      'js { name=shaped optional=true }',
      'export default ({ secrets }) => ({ [secrets.TOKEN]: [secrets.TOKEN], a: secrets.TOKEN, b: 1 });',
    ),
    fence(
      'json { schema=shaped }',
      '{"type":"object","properties":{"a":{"const":"x"},"b":{"enum":[2,3]}},"additionalProperties":false}',
    ),
    fence(
      'js { name=expected optional=true }',
      'export default ({ secrets }) => ({ a: secrets.TOKEN, list: [secrets.TOKEN] });',
    ),
    fence(
      'cel { expect=expected }',
      'output.a == "x"\noutput.list.exists(one, int(one) > 3)\noutput.nothing == output.a\nduration(output.a) > duration("1s")',
    ),
    fence('assert { name=asserted optional=true }', 'int(outputs.expected.a) > 3'),
    fence(
      'js { name=causes optional=true }',
      'export default ({ secrets }) => { throw new AggregateError([new Error(secrets.TOKEN)], "refused", { cause: { token: secrets.TOKEN } }); };',
    ),
    fence('http { name=polled poll=1s within=2s onTimeout=fail optional=true timeout=5s }', ask('echo')),
    fence('cel { expect=polled }', 'output.body.token == "never"'),
    fence(
      'sh { name=doubtful interrupted=probe uses=TOKEN timeout=2s optional=true }',
      'cat "$PAWL_SECRETS/TOKEN" > "$PAWL_OUTPUT"; cat "$PAWL_SECRETS/TOKEN" >&2; kill -9 $$',
    ),
    fence(
      'http { probe=doubtful done="output.body.token != \'x\'" notDone="int(output.body.token) > 3" timeout=2s }',
      ask('echo'),
    ),
    fence(
      'js { name=told }',
      'export default ({ secrets }) => ({ a: secrets.TOKEN, url: `https://x.example/?k=${encodeURIComponent(secrets.TOKEN)}` });',
    ),
    fence(
      'approve { name=go approvers="bob, carol" expires=1h }',
      'Shall it go on with {{ outputs.told.a }}, {{ outputs.told.url }} and {{ outputs.told }}?',
    ),
    fence('sh { name=last }', 'true'),
  ].join('');
};
