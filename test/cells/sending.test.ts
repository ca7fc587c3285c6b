/** What of a document arrives at a server, byte by byte. */

import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { createExecute } from '../../src/cells/index.ts';
import { run } from './cells.ts';

/** The raw body of the request that an `http` cell sends. */
const arrives = async (type: string, body: string): Promise<string> => {
  let raw = Buffer.alloc(0);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      raw = Buffer.concat([raw, chunk]);
      const text = raw.toString('latin1');
      const end = text.indexOf('\r\n\r\n') + 4;
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
      if (end > 3 && raw.length >= end + length)
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const fence = `\`\`\`http { name=a }\nPOST http://${host}/\nContent-Type: ${type}\n\n${body}\n\`\`\`\n`;
    const compiled = authoring.compile(`---\nrunbook: demo\n---\n\n${fence}`);
    if (compiled.kind === 'problems') throw new Error(JSON.stringify(compiled.problems));
    const [cell] = compiled.runbook.cells;
    const rendered = cell && authoring.renderBody(cell.body, { params: {}, outputs: {}, step: {} });
    if (rendered?.kind !== 'body') throw new Error('it has no body');
    const ran = await run(rendered.body, {}, createExecute({ httpAllow: [host] }));
    expect(ran.status).toBe('completed');
    return raw.subarray(raw.indexOf('\r\n\r\n') + 4).toString('utf8');
  } finally {
    server.close();
  }
};

test.each([
  ['application/x-ndjson', '{ "index": {} }\n{ "a": "ü" }', '{ "index": {} }\n{ "a": "ü" }\n'],
  ['application/jsonl', '{}\n\n', '{}\n'],
  ['application/json', '\n{ "a": 1 }\n', '{ "a": 1 }'],
  ['text/markdown', '# One\n\n### Two\n\n  three  \n', '# One\n\n### Two\n\n  three  \n'],
  ['text/plain', '### no separator\n\ttab\n\n', '### no separator\n\ttab\n\n'],
  [
    'multipart/form-data; boundary="a b"',
    '--a b\nContent-Disposition: form-data; name="f"; filename="a.txt"\n\none\ntwo\n--a b--',
    '--a b\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\none\ntwo\r\n--a b--\r\n',
  ],
])('a body of the type %s arrives as its type demands', async (type, body, expected) => {
  expect(await arrives(type, body)).toBe(expected);
});
