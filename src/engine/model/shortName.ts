/**
 * Names that other systems keep and people look for: of sessions, of tokens. Readable at the beginning, unique at the end, and
 * always the same for the same parts.
 */

/** What a session of a role may be called. */
export const sessionAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_=,.@-';
export const sessionNameCharsMax = 64;

const hexDigits = '0123456789abcdef';
const hashCharsMax = 32;
/** 64 bits: two names meet by chance no sooner than after billions. */
const hashCharsMin = 16;

/**
 * @param parts what the name is of; different ones make different names
 * @param max so many characters at most, and at least 16
 * @param alphabet its characters: digits and the letters a to f among them; a dash, where it is there, stands for all others
 * @param sha256 of a text, hex
 */
export const shortName = (
  parts: readonly string[],
  max: number,
  alphabet: string,
  sha256: (text: string) => string,
): string => {
  if (max < hashCharsMin) throw new Error(`A name of ${max} characters has no room for its hash: ${hashCharsMin}.`);
  if (![...hexDigits].every((digit) => alphabet.includes(digit)))
    throw new Error('The alphabet of a name has all digits of a hash: 0 to 9 and a to f.');
  const hash = sha256(JSON.stringify(parts)).slice(0, Math.min(hashCharsMax, max));
  const dash = alphabet.includes('-') ? '-' : '';
  const head = [...parts.join(dash)].map((one) => (alphabet.includes(one) ? one : dash)).join('');
  const room = max - hash.length - dash.length;
  return room > 0 && head !== '' ? `${head.slice(0, room)}${dash}${hash}` : hash;
};

/** The hash at the end of a name as a UUID: every idempotency token of AWS may be one, since the SDK draws them so. */
export const tokenOf = (name: string): string =>
  name.slice(-hashCharsMax).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
