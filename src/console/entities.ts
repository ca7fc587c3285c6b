/**
 * References as `&eacute;` in a document, for its parser: scripts/console.ts puts this in place of a package whose table would be an
 * eighth of the page. The browser has the same one.
 */

/** It holds text and no elements, whatever is put into it. */
const text = document.createElement('textarea');

/** @param entity a name between `&` and `;` @returns the same where there is no such name */
export const decodeHTMLStrict = (entity: string): string => {
  text.innerHTML = entity;
  const read = text.textContent ?? '';
  // Of an old name that stands at its beginning (`&notit;`) the rest is left, and Markdown knows none of these.
  return read.endsWith(';') && entity !== '&semi;' ? entity : read;
};
