/** Files that a cell leaves in PAWL_EVIDENCE: what is kept, what is not, and that it is said. */
import { describe, expect, test } from 'vitest';
import type { CellInput } from '../../src/engine/index.ts';
import { sh, ts } from './cells.ts';

const text = (base64: string | undefined): string => Buffer.from(base64 ?? '', 'base64').toString('utf8');
const unkept = (name: string, bytes: number, why: string) => ({ files: [{ name, bytes, why }], more: 0 });
const secrets: NonNullable<CellInput['secrets']> = { TOKEN: { value: 'hunter2-hunter2', hosts: [] } };

describe('evidence', () => {
  test('of code and of scripts is handed on, by name; a cell that leaves none says nothing of it', async () => {
    const code =
      'import { writeFileSync } from "node:fs";\nexport default () => writeFileSync(`${process.env.PAWL_EVIDENCE}/b.bin`, Buffer.from([0, 255, 10]));';
    expect((await ts(code)).evidence).toEqual({
      files: [{ name: 'b.bin', base64: 'AP8K' }],
      unkept: { files: [], more: 0 },
    });
    const { evidence } = await sh('cd "$PAWL_EVIDENCE"; echo two > b.txt; echo one > "a 1.txt"; : > empty');
    expect(evidence?.files.map(({ name, base64 }) => [name, text(base64)])).toEqual([
      ['a 1.txt', 'one\n'],
      ['b.txt', 'two\n'],
      ['empty', ''],
    ]);
    expect(await sh('true')).not.toHaveProperty('evidence');
  });

  test('of a cell that failed is there all the same', async () => {
    const failed = await sh('echo why > "$PAWL_EVIDENCE/trace"; exit 3');
    expect(failed).toMatchObject({ status: 'failed', exitCode: 3, evidence: { files: [{ name: 'trace' }] } });
    const code =
      'import { writeFileSync } from "node:fs";\nexport default () => { writeFileSync(`${process.env.PAWL_EVIDENCE}/b`, "x"); throw new Error("no"); };';
    expect(await ts(code)).toMatchObject({ status: 'failed', evidence: { files: [{ name: 'b', base64: 'eA==' }] } });
  });

  test('of one that was interrupted is not kept, which is said', async () => {
    const late = await sh('echo half > "$PAWL_EVIDENCE/half"; sleep 60', { timeoutMs: 5_000 });
    expect(late).toMatchObject({ status: 'unknown', error: { code: 'cell.timeout' } });
    expect(late.evidence).toEqual({ files: [], unkept: unkept('half', 5, 'interrupted') });
    const killed = await sh('echo half > "$PAWL_EVIDENCE/half"; kill -9 $$');
    expect(killed.evidence).toEqual({ files: [], unkept: unkept('half', 5, 'interrupted') });
  });

  test.each([
    ['a file that is too large', 'truncate -s 4194305 x', unkept('x', 4_194_305, 'file')],
    ['a folder', 'mkdir x; echo 1 > x/y', unkept('x', 0, 'kind')],
    ['a link', 'ln -s /etc/passwd x', unkept('x', 0, 'kind')],
    ['a pipe', 'mkfifo x', unkept('x', 0, 'kind')],
    ['a name that no screen shows', 'echo 1 > "$(printf "x\\033[2J")"', unkept('x\u001b[2J', 2, 'name')],
    [
      'what is too much together',
      'truncate -s 4194304 a b; echo 1 > c',
      { files: [{ name: 'c', bytes: 2, why: 'sum' }], more: 0 },
    ],
  ])('%s is not kept, and the rest is', async (_, code, said) => {
    const { status, evidence } = await sh(`cd "$PAWL_EVIDENCE"; ${code}; : > zz`);
    expect({ status, unkept: evidence?.unkept }).toEqual({ status: 'completed', unkept: said });
    expect(evidence?.files.at(-1)?.name).toBe('zz');
  });

  test('of too many the first are kept, so many are named, the others counted', async () => {
    const { evidence } = await sh('cd "$PAWL_EVIDENCE"; for i in $(seq 100 149); do echo $i > $i; done');
    expect(evidence?.files.map(({ name }) => name)).toEqual(Array.from({ length: 20 }, (_, at) => String(100 + at)));
    expect(evidence?.unkept.files).toHaveLength(20);
    expect(evidence?.unkept.files[0]).toEqual({ name: '120', bytes: 4, why: 'count' });
    expect(evidence?.unkept).toMatchObject({ more: 10 });
  });

  test('a folder that became a link elsewhere is not followed', async () => {
    const gone = await sh('rmdir "$PAWL_EVIDENCE"; ln -s /etc "$PAWL_EVIDENCE"');
    expect(gone).toMatchObject({
      status: 'completed',
      evidence: { files: [], unkept: unkept('PAWL_EVIDENCE', 0, 'kind') },
    });
  });

  test('secrets are masked in every file and name, also one that it made, also among bytes that are no text', async () => {
    const code = `cd "$PAWL_EVIDENCE"
s=$(cat "$PAWL_SECRETS/TOKEN")
echo "as $s" > "for-$s"
{ printf '\\000\\377'; printf %s "$s"; printf '\\377'; } > raw
echo brand-new-secret > "$PAWL_SECRETS/TOKEN"
echo "now brand-new-secret" > later`;
    const { evidence, made } = await sh(code, { secrets });
    expect(made).toEqual({ TOKEN: 'brand-new-secret' });
    expect(evidence?.files.map(({ name, base64 }) => [name, text(base64)])).toEqual([
      ['for-•••', 'as •••\n'],
      ['later', 'now •••\n'],
      ['raw', '\u0000\uFFFD•••\uFFFD'],
    ]);
  });
});
