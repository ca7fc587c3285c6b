/** Secrets in code cells and requests: given as files and values, and masked in all that comes back. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import { createExecute } from '../../src/cells/index.ts';
import { keptFrom } from '../../src/cells/secretHosts.ts';
import { limits } from '../../src/engine/index.ts';
import { type Ran, run, sh, ts } from './cells.ts';

const value = 'hunter2/+hunter2"x';
const given = { secrets: { TOKEN: { value, hosts: [] } } };
const says = (ran: Ran): string => JSON.stringify(ran);
const forms = [
  value,
  JSON.stringify(value).slice(1, -1),
  Buffer.from(value).toString('base64').slice(0, 20),
  Buffer.from(value).toString('hex'),
  encodeURIComponent(value),
];
const expectNone = (ran: Ran): void => {
  for (const form of forms) expect(says(ran)).not.toContain(form);
};

describe('a script', () => {
  test('finds them as files that nobody else may read, and in no environment or argument', async () => {
    const ran = await sh(
      'stat -c "%a %n" "$PAWL_SECRETS" "$PAWL_SECRETS/TOKEN" | sed "s#$TMPDIR##; s#/.*/##"; wc -c < "$PAWL_SECRETS/TOKEN"; env | grep -c hunter2 || true; ps -ef | grep -v grep | grep -c hunter2 || true; cat /proc/$PPID/environ /proc/$PPID/cmdline | tr "\\0" "\\n" | grep -c hunter2 || true',
      given,
    );
    expect(ran.log).toBe(`700 secrets\n600 TOKEN\n${value.length}\n0\n0\n0\n`);
  });

  test('that tells them in every form tells nothing', async () => {
    const ran = await sh(
      's="$PAWL_SECRETS/TOKEN"; cat $s; echo; cat $s >&2; base64 < $s; xxd -p $s 2>/dev/null || od -An -tx1 $s | tr -d " \\n"; set -x; : "$(cat $s)"; set +x; printf \'{"a": "%s"}\' "$(sed \'s/"/\\\\"/g\' $s)" > "$PAWL_OUTPUT"',
      given,
    );
    expectNone(ran);
    expect(ran.output).toBe('{"a": "•••"}');
  });

  test('that tells one in pieces, with pauses between them', async () => {
    const ran = await sh(
      'printf hunter2; sleep 0.3; printf "/+hun"; sleep 0.3; printf \'ter2"x\'; printf " end"',
      given,
    );
    expect(ran.log).toBe('••• end');
  });

  test('whose output is no JSON, or lines of values', async () => {
    expectNone(await sh('cat "$PAWL_SECRETS/TOKEN" > "$PAWL_OUTPUT"', given));
    const lines = await sh('echo "A=$(cat "$PAWL_SECRETS/TOKEN")" > "$PAWL_OUTPUT"', given);
    expect(lines.output).toBe('{"A":"•••"}');
  });

  test('whose output is cut in the middle of one', async () => {
    const room = limits.outputHeadBytesMax - 9;
    const ran = await sh(
      `head -c ${room} /dev/zero | tr "\\0" x > "$PAWL_OUTPUT"; while [ "$(wc -c < "$PAWL_OUTPUT")" -le ${limits.outputBytesMax} ]; do for i in 1 2 3 4 5 6 7 8 9 0; do cat "$PAWL_SECRETS/TOKEN"; head -c 60000 /dev/zero | tr "\\0" y; done >> "$PAWL_OUTPUT"; done`,
      { ...given, timeoutMs: 20_000 },
    );
    expect(ran.outputBytes).toBeGreaterThan(limits.outputBytesMax);
    expect(ran.output).not.toContain('hunter');
  });

  test('whose log is too long to be kept', async () => {
    const ran = await sh(
      'i=0; while [ $i -lt 3000 ]; do printf "%0400d" $i; cat "$PAWL_SECRETS/TOKEN"; i=$((i+1)); done',
      { ...given, timeoutMs: 30_000 },
    );
    expect(ran.log.length).toBeGreaterThan(limits.logHeadBytesMax / 2);
    expect(ran.log).not.toContain('hunter');
  });

  test('that makes one: it comes back, and is masked from then on', async () => {
    const ran = await sh(
      'echo before; echo brand-new-secret > "$PAWL_SECRETS/TOKEN"; echo brand-new-secret; echo \'"brand-new-secret"\' > "$PAWL_OUTPUT"',
      given,
    );
    expect(ran).toMatchObject({ status: 'completed', made: { TOKEN: 'brand-new-secret' }, output: '"•••"' });
    expect(ran.log).toBe('before\n•••\n');
  });

  test('that leaves its file as it was, or removes it, makes none', async () => {
    for (const code of [
      'true',
      'rm "$PAWL_SECRETS/TOKEN"',
      ': > "$PAWL_SECRETS/TOKEN"',
      'ln -sf /etc/passwd "$PAWL_SECRETS/TOKEN"',
      'touch "$PAWL_SECRETS/TOKEN" "$PAWL_SECRETS/OTHER"',
    ])
      expect(await sh(code, given), code).not.toHaveProperty('made');
  });
});

describe('a function', () => {
  test('gets them by name, and tells none of them', async () => {
    const ran = await ts(
      `export default ({ secrets }) => {
         console.log(secrets.TOKEN, Object.keys(secrets)); process.stdout.write(secrets.TOKEN.slice(0, 5)); process.stdout.write(secrets.TOKEN.slice(5));
         return { [secrets.TOKEN]: [secrets.TOKEN, encodeURIComponent(secrets.TOKEN), btoa(secrets.TOKEN)], length: secrets.TOKEN.length };
       }`,
      given,
    );
    expect(ran.output).toBe(`{"•••":["•••","•••","•••"],"length":${value.length}}`);
    expectNone(ran);
    expect(ran.log).toContain("[ 'TOKEN' ]");
  });

  test.each([
    ['an error', 'throw new Error(`it says ${secrets.TOKEN}`)'],
    ['an object', 'throw { code: 1, token: secrets.TOKEN }'],
    ['a message that is cut in the middle of it', 'throw new Error("x".repeat(290) + secrets.TOKEN)'],
    ['a very long one', `throw new Error("x".repeat(${64 * 1024 - 25}) + secrets.TOKEN)`],
    ['what is no JSON', 'return { toJSON() { throw new Error(secrets.TOKEN) } }'],
    ['a failure outside of it', 'setTimeout(() => { throw new Error(secrets.TOKEN) }); return new Promise(() => {})'],
  ])('that throws %s', async (_, code) => {
    const ran = await ts(`export default ({ secrets }) => { ${code} }`, given);
    expect(ran.error).toBeDefined();
    expect(says(ran)).not.toContain('hunter');
  });
});

test('the folder is gone afterwards, also when its time is over', async () => {
  const ran = await sh('echo "$PAWL_SECRETS"; sleep 60', { ...given, timeoutMs: 5_000 });
  expect(ran.error?.code).toBe('cell.timeout');
  const { existsSync } = await import('node:fs');
  expect(existsSync(ran.log.trim())).toBe(false);
});

describe('a request', () => {
  const seen: { headers: IncomingMessage['headers']; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      seen.push({ headers: request.headers, body });
      response.setHeader('content-type', 'application/json').setHeader('x-echo', encodeURIComponent(value));
      const large =
        request.url === '/large'
          ? 'y'.repeat(limits.outputHeadBytesMax - 60) + value + 'z'.repeat(limits.outputBytesMax)
          : '';
      response.statusCode = request.url === '/failed' ? 404 : 200;
      response.end(
        JSON.stringify({
          large,
          echo: request.headers,
          body,
          base64: Buffer.from(`xx${value}`).toString('base64'),
          n: 12345678901234567890n.toString(),
        }),
      );
    });
  });
  const listening = new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );
  afterAll(() => server.close());
  const ask = async (path: string, hosts: (port: number) => string[], to?: number): Promise<Ran> => {
    const port = to ?? (await listening);
    return await run(
      {
        kind: 'http',
        method: 'POST',
        url: `http://127.0.0.1:${port}${path}`,
        headers: [
          ['Authorization', `Bearer ${value}`],
          ['Content-Type', 'application/json'],
        ],
        body: JSON.stringify({ a: value }),
      },
      { secrets: { TOKEN: { value, hosts: hosts(port) } } },
      createExecute({ httpAllow: ['127.0.0.1'] }),
    );
  };

  test.each(['/', '/failed', '/large'])('carries it, and an answer that echoes it is masked: %s', async (path) => {
    const ran = await ask(path, (port) => [`127.0.0.1:${port}`]);
    expect(seen.at(-1)?.headers.authorization).toBe(`Bearer ${value}`);
    expect(seen.at(-1)?.body).toBe(JSON.stringify({ a: value }));
    expectNone(ran);
    expect(ran.output).toContain('•••');
    expect(ran.output).not.toContain('hunter');
    if (path !== '/large') expect(() => JSON.parse(ran.output ?? '')).not.toThrow();
  });

  test('to another host is refused before anything is sent', async () => {
    const before = seen.length;
    const ran = await ask('/', () => ['events.example.com']);
    expect(ran).toMatchObject({
      status: 'failed',
      unbegun: true,
      error: { code: 'http.secretHost', message: expect.stringContaining('TOKEN') },
    });
    expect(await ask('/', () => ['127.0.0.1'])).toMatchObject({ unbegun: true });
    expect(seen.length).toBe(before);
    expectNone(ran);
  });

  test('whose answer is cut, or makes no sense, tells none of it', async () => {
    const tcp = createTcp((socket) =>
      socket.once('data', (data) => socket.end(`HTTP/1.1 abc ${data.toString('latin1')}`)),
    );
    const port = await new Promise<number>((resolve) =>
      tcp.listen(0, '127.0.0.1', () => resolve((tcp.address() as AddressInfo).port)),
    );
    const ran = await ask('/', () => [`127.0.0.1:${port}`], port);
    tcp.close();
    expect(ran.status).toBe('unknown');
    expectNone(ran);
  });
});

describe('a request that is redirected', () => {
  type Seen = { host: string; headers: IncomingHttpHeaders; body: string };
  /** Two hosts: the first one leads to the second. */
  const between = async (request: { headers: [string, string][]; body?: string }, hosts: ('first' | 'second')[]) => {
    const seen: Seen[] = [];
    const serve = async (name: string, to?: string) => {
      const server = createServer((asked, response) => {
        let body = '';
        asked.on('data', (chunk) => (body += chunk));
        asked.on('end', () => {
          seen.push({ host: name, headers: asked.headers, body });
          response.writeHead(to === undefined ? 200 : 302, to === undefined ? {} : { location: to }).end('{}');
        });
      });
      const port = await new Promise<number>((resolve) =>
        server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
      );
      return { server, at: `127.0.0.1:${port}` };
    };
    const second = await serve('second');
    const first = await serve('first', `http://${second.at}/`);
    const named = hosts.map((host) => (host === 'first' ? first.at : second.at));
    try {
      const ran = await run(
        {
          kind: 'http',
          method: 'GET',
          url: `http://${first.at}/`,
          headers: request.headers,
          body: request.body ?? null,
          redirects: 3,
        },
        { secrets: { TOKEN: { value, hosts: named } } },
        createExecute({ httpAllow: ['127.0.0.1'] }),
      );
      return { ran, seen };
    } finally {
      for (const { server } of [first, second]) server.close();
    }
  };
  const telling: [string, string][] = [
    ['User-Agent', `mine ${value}`],
    ['Accept', 'text/x'],
    ['Authorization', `Bearer ${value}`],
  ];

  test.each([[['first']], [['first', 'second']]] as ('first' | 'second')[][][])(
    'takes no header that holds one to another origin, whatever it is called: hosts %j',
    async (hosts) => {
      const { ran, seen } = await between({ headers: telling }, hosts);
      expect(ran.status).toBe('completed');
      expect(seen.map(({ host }) => host)).toEqual(['first', 'second']);
      expect(seen[0]?.headers['user-agent']).toBe(`mine ${value}`);
      expect(JSON.stringify(seen[1])).not.toContain(value);
      expect(seen[1]?.headers).toMatchObject({ 'user-agent': 'pawl', accept: 'text/x' });
      expectNone(ran);
    },
  );

  test('with a body, which may hold one, is not sent on to a host that the secret may not go to', async () => {
    const { ran, seen } = await between({ headers: [], body: JSON.stringify({ a: value }) }, ['first']);
    expect(seen.map(({ host }) => host)).toEqual(['first']);
    expect(ran).toMatchObject({
      status: 'failed',
      error: {
        code: 'http.secretHost',
        message: expect.stringContaining('A redirect was not followed: The secret TOKEN'),
      },
    });
    expectNone(ran);
  });
});

test.each([
  ['https://a.example/x', ['a.example'], true],
  ['https://A.Example:443/x', ['a.example'], true],
  ['https://a.example:8443/x', ['a.example'], false],
  ['https://a.example:8443/x', ['a.example:8443'], true],
  ['http://a.example/x', ['a.example:80'], true],
  ['https://b.a.example/x', ['a.example'], false],
  ['https://a.example.evil.example/', ['a.example'], false],
  ['https://[::1]/', ['[::1]'], true],
  ['https://[::1]:8443/', ['[::1]:8443'], true],
  ['https://a.example/', [], false],
])('%s for %j: %s', (url, hosts, may) => {
  expect(keptFrom(new URL(url), { TOKEN: { value, hosts } }) === undefined).toBe(may);
});
