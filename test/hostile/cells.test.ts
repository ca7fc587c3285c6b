/** What expressions, requests and code meet, or do, that they should not: by the real executors, under the real engine. */
import { readFileSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { limits } from '../../src/engine/index.ts';
import { sh, ts } from '../cells/cells.ts';
import { setup } from '../cli/support.ts';
import { documentOf, endOf, get, js, listen, serve } from './support.ts';

const place = setup();

describe('expressions', () => {
  const evaluate = (source: string, output: unknown = {}) =>
    authoring.evaluate({ source, line: 1 }, { params: {}, outputs: {}, step: {}, output });

  test.each([
    ['a text that grows by doubling', `${'output.s'}${' + output.s'.repeat(200)} == ""`, { s: 'x'.repeat(1_000_000) }],
    ['lists of lists', 'output.all(a, output.all(b, output.all(c, true)))', Array.from({ length: 3_000 }, (_, i) => i)],
    ['a text that is matched against itself', 'output.s.matches(output.s)', { s: '(a+)+'.repeat(2_000) }],
  ])('hostile 20: %s ends as an error and has no value', (_name, source, output) => {
    expect(evaluate(source, output)).toMatchObject({ kind: 'error' });
  });

  test('hostile 17: what a cell returned under the names of prototypes is data, and reaches none', () => {
    const output = authoring.parseJson('{"__proto__":{"x":1},"constructor":{"name":"y"},"toString":3}');
    expect(evaluate('output.constructor.name == "y"', output)).toEqual({ kind: 'value', value: true });
    expect(evaluate('output.toString + 1 == 4', output)).toEqual({ kind: 'value', value: true });
    expect(evaluate('output.valueOf == 1', output).kind).toBe('error');
    expect(Reflect.get({}, 'x')).toBeUndefined();
  });
});

describe('what a cell returns', () => {
  test.each([
    ['a getter', '({ get a() { return 1; } })', '{"a":1}'],
    ['a proxy', 'new Proxy({ a: 1 }, { get: (target, name) => target[name] })', '{"a":1}'],
    ['toJSON', '({ toJSON: () => ({ a: 1 }) })', '{"a":1}'],
    ['a date', '({ at: new Date(0) })', '{"at":"1970-01-01T00:00:00.000Z"}'],
    ['undefined in an object', '({ a: undefined, b: 1 })', '{"b":1}'],
    ['a map and a class', '({ m: new Map([[1, 2]]), c: new (class { a = 1 })() })', '{"m":{},"c":{"a":1}}'],
  ])('hostile 21: %s passes as plain JSON or not at all', async (_name, value, expected) => {
    const ran = await ts(`export default () => (${value})`);
    expect(ran).toMatchObject({ status: 'completed', output: expected });
  });

  test('hostile 21: a proxy that throws when it is read is no output that can be read, and nothing of it passes', async () => {
    const ran = await ts('export default () => new Proxy({}, { ownKeys() { throw new Error("not you"); } })');
    expect(ran).toMatchObject({ status: 'completed', error: { code: 'output.invalid' } });
    expect(ran.output).toBeUndefined();
  });

  test.each([
    ['500 KB', '"x".repeat(500_000)', null],
    [
      'a million keys',
      'Object.fromEntries(Array.from({ length: 1_000_000 }, (_, i) => ["k" + i, 1]))',
      'output.truncated',
    ],
    ['10,000 levels', '(() => { let a = 1; for (let i = 0; i < 10_000; i++) a = [a]; return a; })()', 'output.invalid'],
    ['itself', '(() => { const a = {}; a.a = a; return a; })()', 'output.invalid'],
    ['a BigInt', '({ n: 10n })', 'output.invalid'],
    ['undefined', 'undefined', null],
    ['a symbol', 'Symbol("x")', 'output.invalid'],
    ['half a character', '"\\ud800"', null],
  ])('hostile 47: %s has an outcome in the journal', async (_name, value, error) => {
    const ended = await endOf(js('returns', `export default () => (${value});`));
    expect([ended.status, ended.error?.split(':')[0] ?? null]).toEqual(['completed', error]);
  });

  test('hostile 7–8: fields of an output become no files outside, and no variables of others', async () => {
    const output = String.raw`{"__proto__":"p","../../x":"q","a/b":"r","LD_PRELOAD":"s","PATH":"t","a=b":"u","n\nv":"v","\u0000":"w","$(id)":"y"}`;
    const ran = await sh(
      'env | grep PAWL_OUT_ | sort; echo; find "$PAWL_OUTPUTS" -type f | sed "s,.*/,," | sort; echo "${LD_PRELOAD-none}"',
      {
        outputs: { one: output },
      },
    );
    expect(ran).toMatchObject({ status: 'completed' });
    const [variables = '', files = ''] = ran.log.split('\n\n');
    expect(variables.split('\n')).toEqual([
      'PAWL_OUT_one_LD_PRELOAD=s',
      'PAWL_OUT_one_PATH=t',
      'PAWL_OUT_one___proto__=p',
    ]);
    expect(files.trim().split('\n')).toEqual([
      'one.LD_PRELOAD.txt',
      'one.PATH.txt',
      'one.__proto__.txt',
      'one.json',
      'none',
    ]);
  });

  test('hostile 45: a cell that kills its parent is in doubt, and what it had logged is kept', async () => {
    const ran = await ts(
      'export default async ({ log }) => { log("before"); await new Promise((r) => setTimeout(r, 200)); process.kill(process.ppid, "SIGKILL"); await new Promise((r) => setTimeout(r, 5_000)); }',
    );
    expect(ran.status).toBe('unknown');
    expect(ran.log).toContain('before');
  });

  test('hostile 40: what a cell multiplies into is gone when its time is over', async () => {
    const { children } = JSON.parse(
      (
        await ts(
          'import { spawn } from "node:child_process";\nexport default () => ({ children: Array.from({ length: 40 }, () => spawn("sleep", ["60"], { detached: true, stdio: "ignore" }).pid) });',
        )
      ).output ?? '{}',
    ) as { children: number[] };
    expect(children).toHaveLength(40);
    const living = children.filter((pid) => {
      try {
        // A zombie is dead already.
        return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
      } catch {
        return false;
      }
    });
    expect(living).toEqual([]);
  });
});

describe('requests to where no runbook may reach', () => {
  const urls = [
    'http://169.254.169.254/latest/meta-data/',
    'http://[fd00:ec2::254]/latest/meta-data/',
    'http://169.254.170.2/v2/credentials',
    'http://127.0.0.1:9001/2018-06-01/runtime/invocation/next',
    'http://localhost.:9001/',
    'http://[::1]/',
    'http://[::]/',
    'http://0.0.0.0/',
    'http://0/',
    'http://0177.0.0.1/',
    'http://[::127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[::ffff:0:127.0.0.1]/',
    'http://[64:ff9b:1::127.0.0.1]/',
    'http://[2001:0:1::1]/',
    'http://[fec0::1]/',
    'http://192.0.0.192/',
    'http://198.18.0.1/',
    'http://255.255.255.255/',
    'http://①②⑦.⓪.⓪.①/',
  ];

  test('hostile 22–24: each is refused before any packet, and the outcome names the address', async () => {
    const cells = urls.map(
      (url, i) =>
        `\`\`\`http { name=c${i} }\nGET ${url}\n\`\`\`\n\`\`\`cel { expect=c${i} }\nstatus == "failed"\n\`\`\`\n`,
    );
    const file = await place.write('ssrf.md', documentOf(cells.join('')));
    const { exit, json } = await place.pawl('test', file, '--yes', '--json');
    expect(exit).toBe(0);
    const tested = json.cells as { ended: { error: string } }[];
    expect(tested.map(({ ended }) => /^http\.blocked: .*\(.+\) is not a public address/.test(ended.error))).toEqual(
      urls.map(() => true),
    );
  });

  test.each([
    'file:///etc/passwd',
    'gopher://127.0.0.1/',
    'data:text/plain,x',
    'ftp://127.0.0.1/',
    'http://[fe80::1%25eth0]/',
    'javascript:alert(1)',
  ])('hostile 28: %s as the value of a parameter is refused before any packet', async (url) => {
    const cell = '```http { name=a }\nGET {{ params.url }}\n```\n';
    const ended = await endOf(cell, { params: { url } }, 'params: { url: { type: string } }\n');
    expect(ended).toMatchObject({ status: 'failed', output: null });
    expect(ended.error).toMatch(/http\.(blocked|invalid)|template|URL/);
  });

  test('hostile 27: a redirect to the metadata service is not followed, and says where it led', async () => {
    const host = await serve((_request, response) => {
      response.writeHead(302, { location: 'http://169.254.169.254/latest/' }).end();
    });
    const ran = await get(`http://${host}/`);
    expect(ran).toMatchObject({ status: 'failed', error: { code: 'http.status' } });
    expect(JSON.parse(ran.output ?? '').headers.location).toBe('http://169.254.169.254/latest/');
  });

  test('hostile 35: credentials do not go where a redirect leads: nothing goes there', async () => {
    const asked: string[] = [];
    const elsewhere = await serve((request, response) => {
      asked.push(String(request.headers.authorization));
      response.end();
    });
    const host = await serve((_request, response) => {
      response.writeHead(307, { location: `http://${elsewhere}/` }).end();
    });
    const ran = await get(`http://${host}/`, { headers: [['Authorization', 'Bearer x']] });
    expect(ran.status).toBe('failed');
    expect(asked).toEqual([]);
  });

  describe('by redirects that a cell follows', () => {
    const to = (location: string) => serve((_request, response) => void response.writeHead(302, { location }).end());

    test.each([
      'http://169.254.169.254/latest/meta-data/',
      'http://[fd00:ec2::254]/latest/meta-data/',
      'http://169.254.170.2/v2/credentials',
      'http://2852039166/',
      'http://[::ffff:a9fe:a9fe]/',
      'http://10.0.0.1/',
      'http://localhost.:9001/',
      '//[::1]:9001/',
    ])('hostile 27: %s is refused before any packet, as if the cell had named it', async (location) => {
      const ran = await get(`http://${await to(location)}/`, { redirects: 5 });
      expect(ran).toMatchObject({ status: 'failed', error: { code: 'http.blocked' } });
      expect(ran.error?.message).toMatch(/^A redirect was not followed: .*\(.+\) is not a public address/);
      expect(ran.unbegun).toBeUndefined();
    });

    test('hostile 26, 27: a name that leads inwards when a redirect names it is refused', async () => {
      const ran = await get(`http://${await to('http://inside.test/')}/`, {
        redirects: 5,
        lookup: async () => ['10.0.0.1'],
      });
      expect(ran).toMatchObject({ status: 'failed', error: { code: 'http.blocked' } });
    });

    test.each(['file:///etc/passwd', 'gopher://127.0.0.1/', 'data:text/plain,x', 'http://user:pass@127.0.0.1/'])(
      'hostile 28: %s is refused',
      async (location) => {
        const ran = await get(`http://${await to(location)}/`, { redirects: 5 });
        expect(ran).toMatchObject({ status: 'failed', error: { code: 'http.redirect' } });
      },
    );

    test('hostile 27: a loop, and thirty in a row, end at the number that the cell names', async () => {
      const reached: string[] = [];
      const host = await serve((request, response) => {
        const { url = '' } = request;
        reached.push(url);
        const hop = Number(url.slice(1));
        const location = url === '/loop' ? '/back' : url === '/back' ? '/loop' : `/${hop + 1}`;
        if (hop === 30) response.end('there');
        else response.writeHead(302, { location }).end();
      });
      const loop = await get(`http://${host}/loop`, { redirects: 10 });
      expect(loop).toMatchObject({ status: 'failed', error: { code: 'http.redirect' } });
      expect(loop.error?.message).toContain('back to where it was asked already');
      expect(reached).toEqual(['/loop', '/back']);
      reached.length = 0;
      const long = await get(`http://${host}/0`, { redirects: 10 });
      expect(long).toMatchObject({ status: 'failed', error: { code: 'http.redirect' } });
      expect(long.error?.message).toContain('only 10 are followed');
      expect(reached).toHaveLength(11);
    });

    test('hostile 35: credentials do not go to another host, nor back from there', async () => {
      const seen: (string | undefined)[] = [];
      const elsewhere = await serve((request, response) => {
        seen.push(request.headers.authorization, request.headers['x-api-key'] as string | undefined);
        response.writeHead(302, { location: `http://${host}/end` }).end();
      });
      const host: string = await serve((request, response) => {
        if (request.url === '/end') seen.push(request.headers.authorization);
        if (request.url === '/end') response.end('there');
        else response.writeHead(302, { location: `http://${elsewhere}/` }).end();
      });
      const headers: [string, string][] = [
        ['Authorization', 'Bearer x'],
        ['X-Api-Key', 'x'],
      ];
      const ran = await get(`http://${host}/`, { headers, redirects: 5 });
      expect([ran.status, seen]).toEqual(['completed', [undefined, undefined, undefined]]);
    });
  });
});

describe('answers that are meant to hurt', () => {
  test('hostile 32: an answer that unpacks into a gigabyte is unpacked only as far as an output may go', async () => {
    const packed = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const host = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'application/json' }).end(packed);
    });
    const ran = await get(`http://${host}/`);
    expect(ran.status).toBe('completed');
    // The beginning is kept for people, and it says that there was more.
    expect(ran.output?.length).toBe(limits.outputHeadBytesMax);
    expect(ran.outputBytes).toBeGreaterThan(limits.outputBytesMax);
    // JSON writes a zero byte with six characters.
    expect(ran.outputBytes).toBeLessThan(7 * limits.outputBytesMax);
  });

  test('hostile 29: a line break in a header that a template fills in never reaches the wire', async () => {
    let asked = 0;
    const host = await serve((_request, response) => {
      asked += 1;
      response.end();
    });
    const cell = `\`\`\`http { name=a }\nGET http://${host}/\nX-A: {{ params.v }}\n\`\`\`\n`;
    const ended = await endOf(
      cell,
      { params: { v: 'b\r\nHost: evil' }, httpAllow: host },
      'params: { v: { type: string } }\n',
    );
    expect(ended.status).toBe('failed');
    expect(asked).toBe(0);
  });
});

describe('TLS', () => {
  const pem = (name: string): string => readFileSync(new URL(`tls/${name}`, import.meta.url), 'utf8');
  const before = getCACertificates('default');
  beforeAll(() => setDefaultCACertificates([pem('ca.pem')]));
  afterAll(() => setDefaultCACertificates(before));

  test.each([
    ['good', 'completed'],
    ['wrongName', 'failed'],
    ['expired', 'failed'],
    ['selfSigned', 'failed'],
  ])(
    'hostile 36: a server with the certificate %s: %s, and without a right one it is sent nothing',
    async (name, status) => {
      let asked = 0;
      const host = await listen(
        createTlsServer({ key: pem('test-only.key'), cert: pem(`${name}.pem`) }, (_request, response) => {
          asked += 1;
          response.end('ok');
        }) as never,
      );
      const port = host.split(':')[1];
      const ran = await get(`https://service.test:${port}/`, {
        allow: ['service.test'],
        lookup: async () => ['127.0.0.1'],
        headers: [['Authorization', 'Bearer x']],
      });
      expect([ran.status, asked]).toEqual([status, status === 'completed' ? 1 : 0]);
    },
  );
});
