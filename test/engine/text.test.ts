/** Texts of others at the end of a sentence of ours. */
import { expect, test } from 'vitest';
import { closed } from '../../src/engine/model/text.ts';

test.each([
  ['no such column: "id"', 'no such column: "id".'],
  ['should this be a string literal in single-quotes?', 'should this be a string literal in single-quotes?'],
  ['it is over.', 'it is over.'],
  ['not tonight!', 'not tonight!'],
])('a sentence has one end: %s', (text, sentence) => {
  expect(closed(text)).toBe(sentence);
});
