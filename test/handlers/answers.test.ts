/** Answers of people through the API: what a manual cell asks is checked at the door, and a file is kept with it. */
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Answered, documentOf, openService, publish, type Service, start } from './support.ts';

const panel = `\`\`\`manual { name=measure }
---
answer:
  type: object
  required: [volts]
  additionalProperties: false
  properties:
    volts: { type: number, minimum: 0, description: as the panel shows it }
    phase: { type: string, enum: [L1, L2] }
---
Read the panel of {{ params.unit }}.
\`\`\``;
const params = 'params: { unit: { type: string, default: U7 } }';
const MiB = 1024 * 1024;
const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

let service: Service;
beforeAll(async () => {
  service = await openService();
  service.cells.execute = async (input) => ({ status: 'completed', output: JSON.stringify(input.outputs) });
  const last = '```ts { name=last }\nexport default async ({ outputs }) => outputs.measure.volts;\n```';
  const after = '```cel { expect=measure }\noutput.volts < 24.0\n```';
  await publish(service, documentOf('panel', [panel, after, last], params));
  const plain = '```manual { name=look }\nLook.\n```';
  await publish(service, documentOf('plain', [plain, 'name=last']));
});

const at = (id: string, rest = ''): string => `/instances/${encodeURIComponent(id)}${rest}`;
const waiting = async (runbook = 'panel'): Promise<string> => {
  const id = await start(service, runbook);
  await service.ask({ method: 'POST', path: at(id, '/advance'), body: {} });
  return id;
};
const done = (id: string, body: object, cell = 'measure'): Promise<Answered> =>
  service.ask({ method: 'POST', path: at(id, `/cells/${cell}/done`), body: { result: 'done', note: 'read', ...body } });
const seqOf = async (id: string): Promise<unknown> =>
  ((await service.ask({ path: at(id) })).body.view as { seq: number }).seq;
const fileOf = (content: Buffer, over: object = {}) => ({
  attachment: { name: 'panel.png', base64: content.toString('base64'), sha256: sha256(content), ...over },
});

describe('an answer', () => {
  test('is shown as what is asked, and is the output of the cell, which later cells read', async () => {
    const id = await waiting();
    const { body } = await service.ask({ path: at(id) });
    expect(body.waits).toMatchObject({
      kind: 'manual',
      instructions: 'Read the panel of U7.',
      answer: { required: ['volts'], properties: { phase: { enum: ['L1', 'L2'] } } },
    });
    expect((await done(id, { answer: { volts: 11.9, phase: 'L1' } })).status).toBe(200);
    await service.ask({ method: 'POST', path: at(id, '/advance'), body: { maxCells: 'all' } });
    const { cells } = (await service.ask({ path: at(id) })).body as { cells: { name: string; output: string }[] };
    expect(cells.map(({ output }) => output)).toEqual([
      '{"volts":11.9,"phase":"L1"}',
      '{"measure":"{\\"volts\\":11.9,\\"phase\\":\\"L1\\"}"}',
    ]);
  });

  test.each<[string, object, number, string, RegExp]>([
    ['none', {}, 422, 'answer.refused', /asks for an answer: volts, phase\. Nothing was recorded/],
    ['one without what it needs', { answer: { phase: 'L1' } }, 422, 'answer.refused', /`volts` is missing/],
    ['one of another type', { answer: { volts: '11.9' } }, 422, 'answer.refused', /`volts` must be number/],
    ['a word that is not among them', { answer: { volts: 1, phase: 'L9' } }, 422, 'answer.refused', /must be one of/],
    ['a field that is not asked for', { answer: { volts: 1, amps: 3 } }, 422, 'answer.refused', /`amps` is not known/],
    ['one that the cell does not expect', { answer: { volts: 230 } }, 422, 'answer.refused', /output\.volts < 24\.0/],
    [
      'one beside a failure',
      { result: 'failed', answer: { volts: 1 } },
      422,
      'answer.refused',
      /cannot have failed and/,
    ],
    ['one that is no object', { answer: [11.9] }, 400, 'request.invalid', /body\.answer/],
    [
      'one that is too large',
      { answer: { volts: 1, phase: 'L'.repeat(64 * 1024) } },
      413,
      'limit.exceeded',
      /answerGivenBytesMax is 65536/,
    ],
  ])('%s is refused, and nothing stands of it', async (_, body, status, code, says) => {
    const id = await waiting();
    const refused = await done(id, body);
    expect(refused).toMatchObject({ status, body: { code } });
    expect(refused.body.detail).toMatch(says);
    expect(await seqOf(id)).toBe(1);
    expect((await done(id, { answer: { volts: 12 } })).status).toBe(200);
  });

  test('is refused by a cell that asks for none, which takes words as ever', async () => {
    const id = await waiting('plain');
    expect(await done(id, { answer: { volts: 1 } }, 'look')).toMatchObject({
      status: 422,
      body: { code: 'answer.refused', detail: expect.stringMatching(/asks for no answer/) },
    });
    expect((await done(id, {}, 'look')).status).toBe(200);
    const { cells } = (await service.ask({ path: at(id) })).body as { cells: { output: string }[] };
    expect(cells[0]?.output).toBe('{"result":"done","note":"read","by":"local"}');
  });

  test('of a failure there is none, and no output', async () => {
    const id = await waiting();
    expect((await done(id, { result: 'failed' })).status).toBe(200);
    const { cells } = (await service.ask({ path: at(id) })).body as { cells: { state: string; output: null }[] };
    expect(cells[0]).toMatchObject({ state: 'failed', output: null, note: 'read' });
  });

  test('twice at once: one stands, the other is told who was first; too late: so is whoever comes then', async () => {
    const id = await waiting();
    const answers = await Promise.all([11, 12].map((volts) => done(id, { answer: { volts }, expectedSeq: 1 })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    const late = await done(id, { answer: { volts: 13 } });
    expect(late).toMatchObject({ status: 409, body: { code: 'cell.notWaiting' } });
    for (const { body } of [...answers.filter(({ status }) => status === 409), late])
      expect(body.detail).toMatch(/local recorded it as done|recorded it as done/);
    const { cells } = (await service.ask({ path: at(id) })).body as { cells: { output: string }[] };
    const won = answers.findIndex(({ status }) => status === 200);
    expect(cells[0]?.output).toBe(`{"volts":${[11, 12][won]}}`);
  });
});

describe('evidence of a cell', () => {
  test('is listed with its cell, also of one that failed, and fetched as a file that a person gave', async () => {
    await publish(service, documentOf('leaves', ['name=look']));
    const files = [
      { name: 'a.txt', base64: 'b25l' },
      { name: 'b.bin', base64: '/wA=' },
    ];
    const unkept = { files: [{ name: 'dump', bytes: 4_194_305, why: 'file' as const }], more: 2 };
    const before = service.cells.execute;
    service.cells.execute = async () => ({ status: 'failed', evidence: { files, unkept } });
    const id = await waiting('leaves');
    service.cells.execute = before;
    const { cells } = (await service.ask({ path: at(id) })).body as { cells: object[] };
    expect(cells[0]).toMatchObject({
      state: 'failed',
      attached: {
        seq: 2,
        files: [
          { name: 'a.txt', bytes: 3, sha256: sha256(Buffer.from('one')) },
          { name: 'b.bin', bytes: 2 },
        ],
      },
      unkept,
    });
    expect((await service.ask({ path: at(id, '/attachments/2'), query: 'file=2' })).body).toMatchObject({
      name: 'b.bin',
      file: 2,
      files: 2,
      base64: '/wA=',
    });
    expect(await service.ask({ path: at(id, '/attachments/2'), query: 'file=3' })).toMatchObject({
      status: 404,
      body: { code: 'attachment.unknown' },
    });
    expect((await service.ask({ path: at(id, '/verify') })).body).toMatchObject({ intact: true });
  });
});

describe('a file', () => {
  test('of 4 MB is kept with its hash in the entry, and comes back in parts as it was', async () => {
    const id = await waiting();
    // No packing makes it small.
    const content = Buffer.alloc(4 * MiB);
    for (let n = 0, x = 7; n < content.length; n += 1) {
      x = (x * 1_103_515_245 + 12_345) % 2_147_483_648;
      content[n] = x >> 16;
    }
    expect((await done(id, { answer: { volts: 12 }, ...fileOf(content) })).status).toBe(200);
    const { cells } = (await service.ask({ path: at(id) })).body as { cells: object[] };
    expect(cells[0]).toMatchObject({
      attached: { seq: 2, files: [{ name: 'panel.png', bytes: 4_194_304, sha256: sha256(content) }] },
    });
    const parts: Buffer[] = [];
    for (const part of [1, 2, 3, 4]) {
      const { body } = await service.ask({ path: at(id, '/attachments/2'), query: `part=${part}` });
      expect(body).toMatchObject({ part, parts: 4, bytes: 4_194_304, sha256: sha256(content) });
      parts.push(Buffer.from(body.base64 as string, 'base64'));
    }
    expect(Buffer.concat(parts).equals(content)).toBe(true);
    expect(await service.ask({ path: at(id, '/attachments/2'), query: 'part=5' })).toMatchObject({
      status: 404,
      body: { code: 'attachment.unknown' },
    });
    expect((await service.ask({ path: at(id, '/verify') })).body).toMatchObject({ intact: true });
  });

  test.each<[string, object, number, string, RegExp]>([
    [
      'whose hash does not fit',
      fileOf(Buffer.from('seen'), { sha256: '0'.repeat(64) }),
      422,
      'attachment.refused',
      /panel\.png is not what its hash says: 000000000000 was given/,
    ],
    ['that is too large', fileOf(Buffer.alloc(4 * MiB + 1)), 413, 'limit.exceeded', /attachmentBytesMax is 4194304/],
    ['with a folder in its name', fileOf(Buffer.from('x'), { name: '../x' }), 422, 'attachment.refused', /plain name/],
    [
      'that is no base64',
      fileOf(Buffer.from('x'), { base64: '%' }),
      400,
      'request.invalid',
      /body\.attachment\.base64/,
    ],
  ])('%s is refused with the answer, and nothing stands of it', async (_, file, status, code, says) => {
    const id = await waiting();
    const refused = await done(id, { answer: { volts: 12 }, ...file });
    expect(refused).toMatchObject({ status, body: { code } });
    expect(refused.body.detail).toMatch(says);
    expect(await seqOf(id)).toBe(1);
    expect((await done(id, { answer: { volts: 12 }, ...fileOf(Buffer.from('seen')) })).status).toBe(200);
  });

  test('stands with a failure as well', async () => {
    const id = await waiting();
    expect((await done(id, { result: 'failed', ...fileOf(Buffer.from('smoke')) })).status).toBe(200);
    expect((await service.ask({ path: at(id, '/attachments/2') })).body).toMatchObject({
      name: 'panel.png',
      base64: 'c21va2U=',
    });
  });
});
