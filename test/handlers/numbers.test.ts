/** What JSON says and JavaScript does not keep, at the doors of the API: numbers, names, bytes. And how much an answer says. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Asked, documentOf, openService, publish, type Service, start, untilDecidable } from './support.ts';

let service: Service;
beforeAll(async () => {
  service = await openService();
  const params =
    'params: { n: { type: integer, default: 1 }, list: { type: array, items: { type: integer }, default: [] } }';
  await publish(service, documentOf('demo', ['name=first'], params));
  await publish(service, documentOf('doubtful', ['name=first timeout=100ms']));
});
afterAll(() => service.world.drop());

const post = (path: string, body: unknown): Asked => ({ method: 'POST', path, body });
const set = (id: string, body: unknown): Asked => ({ method: 'PUT', path: '/claims', query: `id=${id}`, body });
const instances = '/runbooks/demo/instances';
const kept =
  'cannot be kept as a number (whole ones go up to 9007199254740991); declare it as a string, and give a text';

describe('a number that would be kept as another one is refused, with its path and the way out', () => {
  test.each([
    ['a parameter', instances, '{"params":{"n":9007199254740993}}', 'body.params.n', '9007199254740993'],
    ['one inside a list', instances, '{"params":{"list":[1,{"a b":1e400}]}}', 'body.params.list[1]["a b"]', '1e400'],
    [
      'digits that no double has',
      instances,
      '{"params":{"n":0.12345678901234567890}}',
      'body.params.n',
      '0.12345678901234567890',
    ],
    ['a parameter of start and run', '/runbooks/demo/run', '{"params":{"n":-1e400}}', 'body.params.n', '-1e400'],
    ['a version', instances, '{"version":9007199254740993}', 'body.version', '9007199254740993'],
    ['a seq', '/instances/i1/advance', '{"expectedSeq":1e999}', 'body.expectedSeq', '1e999'],
    ['a seq of a verdict', '/instances/i1/verdict', '{"seq":9007199254740993}', 'body.seq', '9007199254740993'],
  ])('%s', async (_, path, body, at, text) => {
    const answer = await service.ask(post(path, body));
    const code = at.startsWith('body.params') ? 'params.invalid' : 'request.invalid';
    expect(answer).toMatchObject({ status: 400, body: { code, problems: [{ at, message: `${text} ${kept}` }] } });
    expect(answer.body.detail).toBe(`The request cannot be taken: ${at}: ${text} ${kept}.`);
  });

  test('a whole number beyond those that JavaScript has all of, however it is written', async () => {
    for (const n of ['9007199254740994', '1e16', '1e22'])
      expect(await service.ask(post(instances, `{"params":{"n":${n}}}`))).toMatchObject({
        status: 400,
        body: { code: 'params.invalid', problems: [{ path: 'n', message: kept }] },
      });
  });

  test('others are numbers, however they are written', async () => {
    const { status, body } = await service.ask(post(instances, '{"params":{"n":1.2e1,"list":[100e-2,-0,7.0]}}'));
    expect(status).toBe(201);
    const { instanceId } = body.view as { instanceId: string };
    const [entry] = await service.world.store.journal.page(instanceId, -1, 1);
    expect(entry?.entry).toMatchObject({ params: { n: 12, list: [1, 0, 7] } });
  });
});

describe('evidence stays as it was written', () => {
  const evidence = '{"run":9007199254740993,"share":0.12345678901234567890,"cost":1.50,"e":1e2}';

  test('in the store, in answers, and in the condition that reads it', async () => {
    const answer = await service.ask(set('ci/1', `{"status":"supported","evidence":${evidence},"revision":0}`));
    expect(answer.status).toBe(201);
    expect((await service.world.store.claims.newest('ci/1'))?.evidence).toBe(evidence);
    for (const { text } of [
      answer,
      await service.ask({ path: '/claims', query: 'id=ci%2F1' }),
      await service.ask({ path: '/claims' }),
      await service.ask({ path: '/claims/history', query: 'id=ci%2F1' }),
    ])
      expect(text).toContain(`"evidence":${evidence}`);
  });

  test('1e400 is refused there too, and in the output of a verdict', async () => {
    expect(await service.ask(set('ci/2', '{"status":"supported","evidence":{"n":[-1e400]}}'))).toMatchObject({
      status: 400,
      body: {
        detail: 'The evidence holds -1e400 at n[0], which no program can read as a number; give it as a text.',
      },
    });
    const verdict = { seq: 1, verdict: 'succeeded', reason: 'I looked', output: '{"n":1e400}' };
    const answer = await service.ask(post('/instances/i1/verdict', verdict));
    expect(answer).toMatchObject({ status: 400, body: { problems: [{ at: 'body.output' }] } });
  });

  test('the output of a verdict keeps its digits', async () => {
    service.cells.execute = async () => ({ status: 'unknown' });
    const id = await start(service, 'doubtful');
    await service.ask(post(`/instances/${id}/advance`, {}));
    await untilDecidable(service, id);
    const output = '{"id":9007199254740993,"cost":1.50}';
    const verdict = { seq: 1, verdict: 'succeeded', reason: 'the bank has it', output };
    expect((await service.ask(post(`/instances/${id}/verdict`, verdict))).status).toBe(200);
    const { body } = await service.ask({ path: `/instances/${id}` });
    expect(body.cells).toMatchObject([{ output }]);
  });
});

describe('names and bytes', () => {
  test.each([
    ['a parameter', instances, '{"params":{"__proto__":{"n":2}}}', 'body.params.__proto__'],
    ['one inside', instances, '{"params":{"list":[{"__proto__":1}]}}', 'body.params.list[0].__proto__'],
    ['a field', instances, '{"__proto__":{"version":1}}', 'body.__proto__'],
  ])('%s cannot be called __proto__', async (_, path, body, at) => {
    expect(await service.ask(post(path, body))).toMatchObject({
      status: 400,
      body: { problems: [{ at, message: 'cannot be a key; choose another name' }] },
    });
  });

  test('in evidence it is data like any other', async () => {
    const evidence = '{"__proto__":{"n":1},"constructor":2}';
    await service.ask(set('ci/proto', `{"status":"supported","evidence":${evidence}}`));
    expect((await service.ask({ path: '/claims', query: 'id=ci%2Fproto' })).text).toContain(evidence);
    expect(Reflect.get({}, 'n')).toBeUndefined();
  });

  test('a byte order mark is dropped at the beginning of a body', async () => {
    expect((await service.ask(post(instances, '\uFEFF{"params":{}}'))).status).toBe(201);
    const base64 = Buffer.from('\uFEFF{}').toString('base64');
    expect((await service.ask({ ...post(instances, base64), base64: true })).status).toBe(201);
    const source = `\uFEFF${documentOf('marked', ['name=first'])}`;
    expect((await publish(service, source)).status).toBe(201);
  });

  test('and is refused inside of a name', async () => {
    const mark = '%EF%BB%BF';
    for (const asked of [
      post(instances, { instanceId: '\uFEFFi1' }),
      post(instances, { continues: { instanceId: '\uFEFFi1', at: 'first' } }),
      post(instances, { continues: { instanceId: 'i1', at: '\uFEFFfirst' } }),
      { path: `/instances/${mark}i1` },
      { path: `/runbooks/${mark}demo` },
      { path: '/claims', query: `id=${mark}ci` },
      { path: '/instances', query: `runbook=${mark}demo` },
      post(instances, { params: { '\uFEFFn': 1 } }),
    ])
      expect([(await service.ask(asked)).status, asked]).toEqual([400, asked]);
  });

  test.each([
    ['a query', { path: '/claims', query: 'id=%FFci' }],
    ['half a character', { path: '/claims', query: 'id=%C3' }],
    [
      'a form',
      {
        method: 'POST',
        path: `/links/${'a'.repeat(64)}`,
        body: 'decision=approve&comment=%FF',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      },
    ],
    ['a body', { ...post(instances, Buffer.from([0xff]).toString('base64')), base64: true }],
  ])('%s that is no UTF-8 is refused', async (_, asked) => {
    const { status, body } = await service.ask(asked);
    expect([status, body.detail]).toEqual([400, expect.stringContaining('UTF-8')]);
  });
});

test('a document in which everything is wrong is answered by what one answer holds', async () => {
  const name = 'x'.repeat(1_000);
  const cells = Array.from({ length: 250 }, (_, at) => `\`\`\`ts { name=${name}${at} ${name}=1 }\n\`\`\``);
  const { status, text } = await publish(service, `---\nrunbook: wrong\ntitle: t\n---\n${cells.join('\n')}`);
  expect(status).toBeGreaterThanOrEqual(400);
  expect(text.length).toBeLessThan(600_000);
});

describe('however much is wrong, the answer is short', () => {
  const long = 'x'.repeat(50_000);
  test.each([
    [
      'ten thousand fields that nobody knows',
      JSON.stringify(Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`field${i}`, i]))),
    ],
    ['a field with a long name', JSON.stringify({ [long]: 1 })],
    ['twenty thousand numbers', `{"params":{"list":[${Array.from({ length: 20_000 }, () => '1e400').join()}]}}`],
    ['a number in a deep place', `{"params":{"${long}":{"${long}":1e400}}}`],
    [
      'twenty thousand parts of the wrong type',
      JSON.stringify({ params: { list: Array.from({ length: 20_000 }, () => '') } }),
    ],
    [
      'parameters that it does not have',
      JSON.stringify({ params: Object.fromEntries(Array.from({ length: 4_000 }, (_, i) => [`p${i}`, 0])) }),
    ],
    ['a parameter with a long name', JSON.stringify({ params: { [long]: 1 } })],
  ])('%s', async (_, body) => {
    const { status, text } = await service.ask(post(instances, body));
    expect(status).toBe(400);
    expect(text.length).toBeLessThan(200_000);
  });
});
