/** Masking: every usual form of a secret, wherever the chunks of a stream end. */
import { describe, expect, test } from 'vitest';
import { createMasker } from '../../src/cells/masking.mjs';
import { limits } from '../../src/engine/index.ts';

const value = 's3cr3t/+"\'pä<&>ss?w0rd';
const b64 = (text: string): string => Buffer.from(text).toString('base64');

const forms: [string, string][] = [
  ['itself', value],
  ['base64', b64(value)],
  ['base64 of a line', b64(`${value}\n`)],
  ['base64 in base64 text, one byte in', b64(`a${value}bc`)],
  ['the same two bytes in', b64(`ab${value}c`)],
  ['base64url', Buffer.from(value).toString('base64url')],
  ['a URL', encodeURIComponent(value)],
  ['a URL in small letters', encodeURIComponent(value).replace(/%../g, (found) => found.toLowerCase())],
  ['a form', new URLSearchParams({ a: value }).toString()],
  ['JSON', JSON.stringify(value)],
  ['JSON in JSON', JSON.stringify(JSON.stringify(value))],
  ['JSON in ASCII', JSON.stringify(value).replace('ä', '\\u00e4')],
  ['hexadecimal', Buffer.from(value).toString('hex')],
  ['the same in capitals', Buffer.from(value).toString('hex').toUpperCase()],
  ['XML', value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')],
  ['a shell that tells what it runs', `'${value.replaceAll("'", "'\\''")}'`],
];
/** What is left of a form: no six characters of it in a row. */
const leftOf = (form: string, text: string): string[] =>
  Array.from({ length: Math.max(0, form.length - 5) }, (_, at) => form.slice(at, at + 6)).filter((part) =>
    text.includes(part),
  );

describe('a value is masked as', () => {
  test.each(forms)('%s', (_, form) => {
    const masker = createMasker([value]);
    const text = masker.text(`before ${form} after`);
    expect(text).toMatch(/^before .*•••.* after$/);
    expect(leftOf(form, text)).toEqual([]);
  });

  test.each(forms)('%s, in two pieces that are cut anywhere', (_, form) => {
    const masker = createMasker([value]);
    const bytes = Buffer.from(`before ${form} after\n`);
    const whole = masker.text(bytes.toString('utf8'));
    for (let at = 0; at <= bytes.length; at += 1) {
      const stream = masker.stream();
      const told = [stream.write(bytes.subarray(0, at)), stream.write(bytes.subarray(at)), stream.end()];
      expect(Buffer.concat(told).toString('utf8')).toBe(whole);
    }
  });

  test('a byte at a time', () => {
    const masker = createMasker([value]);
    const stream = masker.stream();
    const told = [...Buffer.from(`x${value}y${value}`)].map((byte) => stream.write(Buffer.from([byte])));
    expect(Buffer.concat([...told, stream.end()]).toString('utf8')).toBe('x•••y•••');
  });
});

test('a line that ends is not held back', () => {
  const stream = createMasker([value]).stream();
  expect(stream.write(Buffer.from('a line of words\n')).toString('utf8')).toBe('a line of words\n');
});

test('the beginning of a value is held back until what follows tells, and told when it was none', () => {
  const stream = createMasker([value]).stream();
  expect(stream.write(Buffer.from('so s3cr3')).toString('utf8')).toBe('so ');
  expect(stream.write(Buffer.from('cy')).toString('utf8')).toBe('s3cr3cy');
  expect(stream.write(Buffer.from('s3cr')).toString('utf8')).toBe('');
  expect(stream.end().toString('utf8')).toBe('s3cr');
});

test('each line of a key is masked, however it is broken', () => {
  const pem = '-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nEFAASCBKcwggSjAgEAAoIBAQ\nDz==\n-----END KEY-----';
  const masker = createMasker([pem]);
  const told = masker.text(`x MIIEvQIBADANBgkqhkiG9w0BAQ y\n${pem.replaceAll('\n', '\r\n')}\n${b64(pem)}`);
  expect(told).not.toMatch(/MIIEv|EFAAS|TUlJRX/);
  // A short line of it goes with the whole.
  expect(masker.text(pem)).toBe('•••');
});

test('of several the longest that begins there', () => {
  const masker = createMasker(['password-1', 'password-1-and-more']);
  expect(masker.text('password-1-and-more, password-1')).toBe('•••, •••');
  const stream = masker.stream();
  const told = [stream.write(Buffer.from('password-1')), stream.write(Buffer.from('-and-more!')), stream.end()];
  expect(Buffer.concat(told).toString('utf8')).toBe('•••!');
});

describe('JSON stays JSON', () => {
  const masker = createMasker([value, '1234567890']);
  test.each([
    ['texts and keys', JSON.stringify({ [value]: [value, `a ${value} b`], c: 1 }), '{"•••":["•••","a ••• b"],"c":1}'],
    ['numbers', '{"a": 1234567890, "b": 12345678901.5, "c": -7}', '{"a": "•••", "b": "•••", "c": -7}'],
    ['what is escaped otherwise than it need be', '["\\u0073\\u00333cr3t/+"]'.replace('\\u00333', '3'), undefined],
    ['large numbers and spaces as they were', '{ "a" : 98765432109876543210987 ,"b":"c"}', undefined],
  ])('%s', (_, written, after) => {
    expect(masker.json(written)).toBe(after ?? written);
    expect(() => JSON.parse(masker.json(written))).not.toThrow();
  });

  test('a value in another way of escaping', () => {
    const escaped = `"${[...'s3cr3t/+"'].map((one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}\\u0027p\\u00e4<&>ss?w0rd"`;
    expect(JSON.parse(escaped)).toBe(value);
    expect(masker.json(escaped)).toBe('"•••"');
  });
});

test('what is cut does not end with the beginning of a value', () => {
  const masker = createMasker([value]);
  expect(masker.head(Buffer.from(`${value} and ${value.slice(0, 9)}`)).toString('utf8')).toBe('••• and ');
});

test('without secrets nothing is touched', () => {
  const masker = createMasker([]);
  const bytes = Buffer.from([0xff, 0x00, 0x41]);
  expect(masker.isEmpty).toBe(true);
  expect(masker.text('•••')).toBe('•••');
  expect(masker.stream().write(bytes)).toBe(bytes);
});

test('bytes that are no text come through', () => {
  const stream = createMasker([value]).stream();
  const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x0a]);
  expect(Buffer.concat([stream.write(bytes), stream.end()])).toEqual(bytes);
});

describe('values as long as a secret may be', () => {
  const longs = ['s'.repeat(limits.secretBytesMax), '"é/+'.repeat(limits.secretBytesMax / 5)];
  const lines = Array.from({ length: 250 }, (_, i) => `line ${String(i).padStart(4, '0')} ${'x/+"'.repeat(13)}`);
  longs.push(lines.join('\n'));

  test.each([0, 1, 2])('are masked, in every form, whole or in pieces (%i)', (which) => {
    const long = longs[which] ?? '';
    expect(Buffer.byteLength(long)).toBeGreaterThan(limits.secretBytesMax * 0.9);
    const hex = Buffer.from(long).toString('hex');
    for (const form of [long, encodeURIComponent(long), hex]) {
      expect(createMasker([long]).text(`<${form}>`)).toBe('<•••>');
      const stream = createMasker([long]).stream();
      const told = [
        stream.write(Buffer.from(`<${form.slice(0, 9_000)}`)),
        stream.write(Buffer.from(`${form.slice(9_000)}>`)),
      ];
      expect(Buffer.concat([...told, stream.end()]).toString()).toBe('<•••>');
    }
  });

  test('as many as a runbook may declare', () => {
    const all = Array.from({ length: limits.secretsPerRunbookMax }, (_, i) => `${i} ${lines.join(`\n${i}`)}`);
    const masker = createMasker(all);
    expect(masker.text(`${all[7]} and 7${lines[249]}`)).toBe('••• and •••');
  });
});
