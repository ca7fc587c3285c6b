/** What the cells of a place may have. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseAllow, readAllow, refusalOf } from '../../src/places/allow.ts';

const folder = mkdtempSync(join(tmpdir(), 'pawl-allow-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('it is read', () => {
  test('whole, and what it does not say is nothing', () => {
    expect(parseAllow('{"env":["KUBECONFIG"],"roles":["arn:*"],"hosts":["10.0.0.1"],"aws":["rds:*"]}', 'x')).toEqual({
      env: ['KUBECONFIG'],
      secrets: [],
      roles: ['arn:*'],
      hosts: ['10.0.0.1'],
      aws: ['rds:*'],
    });
  });

  test.each([
    ['no JSON', '{', 'is not JSON'],
    ['a list', '[]', 'is refused'],
    ['a key that is mistyped', '{"secret":[]}', 'secret'],
    ['no list', '{"env":"A"}', 'is refused at env'],
    ['a star in the middle', '{"secrets":["ssm:/*/x"]}', 'is refused at secrets.0: a * may stand at the end only'],
    ['everything at once', '{"secrets":["*"]}', 'a secret is allowed by where it is'],
  ])('and refused: %s', (_, text, why) => {
    expect(() => parseAllow(text, 'allow.json')).toThrow(why);
    expect(() => parseAllow(text, 'allow.json')).toThrow('allow.json');
  });

  test('from the data folder, or from where it is named; a named one has to be there', () => {
    const data = join(folder, 'data');
    mkdirSync(data);
    expect(readAllow(undefined, data).secrets).toEqual([]);
    writeFileSync(join(data, 'allow.json'), '{"secrets":["env:A"]}');
    expect(readAllow(undefined, data).secrets).toEqual(['env:A']);
    expect(() => readAllow(join(folder, 'none.json'), data)).toThrow('cannot be read (ENOENT)');
    expect(readAllow(undefined, null).secrets).toEqual([]);
  });

  test('or from PAWL_ALLOW itself, where that is JSON', () => {
    expect(readAllow(' {"secrets":["env:B"]}', join(folder, 'data')).secrets).toEqual(['env:B']);
    expect(() => readAllow('{', null)).toThrow('PAWL_ALLOW, which says what cells may have, is not JSON');
  });
});

describe('a secret', () => {
  const allow = parseAllow('{"secrets":["ssm:/pawl/*","env:*","file:/*","secretsmanager:one"]}', 'x');
  test.each([
    ['ssm:/pawl/a/b', undefined],
    ['ssm:/other/a', 'which allow.secrets of this place does not list'],
    ['secretsmanager:one', undefined],
    ['secretsmanager:one-more', 'which allow.secrets of this place does not list'],
    ['env:PAGER', undefined],
  ])('%s', (from, why) => {
    expect(refusalOf(allow, from, [])).toBe(why);
  });

  test.each([
    'AWS_ACCESS_KEY_ID',
    'AWS_SECRET_ACCESS_KEY',
    'AWS_SESSION_TOKEN',
    'AWS_CONTAINER_CREDENTIALS_FULL_URI',
    'AWS_WEB_IDENTITY_TOKEN_FILE',
    'PAWL_TOKEN',
    'PAWL_SECRETS_KEY',
    'NODE_OPTIONS',
    'LD_PRELOAD',
    'aws_secret_access_key',
  ])('never env:%s, whatever is allowed', (name) => {
    expect(refusalOf(allow, `env:${name}`, [])).toContain('whatever is allowed');
  });

  test('never what is Pawl’s own, whatever is allowed and by whatever link', () => {
    const own = join(folder, 'own');
    mkdirSync(own);
    writeFileSync(join(own, 'token'), 'x');
    symlinkSync(join(own, 'token'), join(folder, 'link'));
    symlinkSync('/proc/self/environ', join(folder, 'environ'));
    for (const path of [
      join(own, 'token'),
      own,
      join(folder, 'link'),
      '/proc/self/environ',
      join(folder, 'environ'),
      '/dev/stdin',
    ])
      expect(refusalOf(allow, `file:${path}`, [own]), path).toContain('whatever is allowed');
    expect(refusalOf(allow, `file:${folder}/x/../own/token`, [own])).toBe('whose path has a `..`');
  });

  test('a link does not lead out of what is allowed', () => {
    const team = join(folder, 'team');
    mkdirSync(team);
    writeFileSync(join(folder, 'others'), 'x');
    writeFileSync(join(team, 'mine'), 'x');
    symlinkSync(join(folder, 'others'), join(team, 'theirs'));
    symlinkSync(join(team, 'mine'), join(team, 'same'));
    const narrow = parseAllow(JSON.stringify({ secrets: [`file:${team}/*`] }), 'x');
    expect(refusalOf(narrow, `file:${team}/mine`, [])).toBeUndefined();
    expect(refusalOf(narrow, `file:${team}/same`, [])).toBeUndefined();
    expect(refusalOf(narrow, `file:${team}/theirs`, [])).toContain('a link to');
  });
});
