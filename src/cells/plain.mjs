/**
 * Writes what a cell returned as JSON text, and only plain JSON: what would change or vanish on the way (a Date, NaN, a
 * getter, a Map) is refused with its place, instead of being recorded as something else. It calls nothing of the value's:
 * no toJSON, no getter, no proxy trap.
 */
import { types } from 'node:util';

const nestingMax = 500;
const bytesMax = 1024 * 1024 * 1024;

// Taken before the cell is loaded, which may change them.
const { stringify } = JSON;
const { isArray } = Array;
const { getOwnPropertyDescriptor, getPrototypeOf, prototype } = Object;
const { ownKeys } = Reflect;
const { byteLength } = Buffer;
const { isProxy } = types;

export class NotPlain extends Error {}

/** @param {string} what @param {(string | number)[]} path @returns {never} */
const refuse = (what, path) => {
  const place = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('');
  throw new NotPlain(`What the cell returned is not plain JSON: ${what} at output${place.slice(0, 100)}.`);
};

/** @param {object} value @param {(string | number)[]} path */
const checkObject = (value, path) => {
  if (isProxy(value)) refuse('a proxy', path);
  const parent = getPrototypeOf(value);
  if (isArray(value) || parent === prototype || parent === null) return;
  const name = getOwnPropertyDescriptor(parent, 'constructor')?.value?.name;
  refuse(`an object of class ${typeof name === 'string' ? name : 'unknown'}`, path);
};

/** @param {object} holder @param {string} key @param {(string | number)[]} path */
const valueOf = (holder, key, path) => {
  const property = getOwnPropertyDescriptor(holder, key);
  if (property === undefined) return refuse('a hole', path);
  return 'value' in property ? property.value : refuse('a getter', path);
};

/**
 * @param {unknown} root
 * @param {number} keptMax how much of the text is kept
 * @returns {{ text: string, bytes: number }} the text, or its beginning, and the size of the whole
 */
export const writePlain = (root, keptMax) => {
  /** @type {string[]} */
  const pieces = [];
  let bytes = 0;
  /** @type {(string | number)[]} */
  const path = [];
  const open = new Set();

  /** @param {string} piece */
  const add = (piece) => {
    // The beginning is whole up to here and a little beyond; the rest is only counted.
    if (bytes <= keptMax) pieces[pieces.length] = piece;
    bytes += byteLength(piece);
    if (bytes > bytesMax) refuse(`more than ${bytesMax} bytes`, []);
  };

  /** @param {object} value */
  const addArray = (value) => {
    const { length } = /** @type {unknown[]} */ (value);
    add('[');
    for (let index = 0; index < length; index += 1) {
      if (index > 0) add(',');
      path[path.length] = index;
      addValue(valueOf(value, String(index), path));
      path.length -= 1;
    }
    add(']');
  };

  /** @param {object} value */
  const addObject = (value) => {
    let first = true;
    add('{');
    for (const key of ownKeys(value)) {
      if (typeof key === 'symbol') return refuse('a symbol as a key', path);
      if (getOwnPropertyDescriptor(value, key)?.enumerable !== true) continue;
      path[path.length] = key;
      const part = valueOf(value, key, path);
      // As everywhere in JavaScript: a property that is undefined is one that is not there.
      if (part !== undefined) {
        add(`${first ? '' : ','}${stringify(key)}:`);
        addValue(part);
        first = false;
      }
      path.length -= 1;
    }
    add('}');
  };

  /** @param {unknown} value */
  const addValue = (value) => {
    if (value === null || typeof value === 'boolean' || typeof value === 'string') return add(stringify(value));
    if (typeof value === 'number') return Number.isFinite(value) ? add(stringify(value)) : refuse(String(value), path);
    if (typeof value === 'bigint') return refuse('a BigInt (write it as a string)', path);
    if (typeof value !== 'object') return refuse(value === undefined ? 'undefined' : `a ${typeof value}`, path);
    if (open.has(value)) refuse('a circular reference', path);
    if (open.size >= nestingMax) refuse(`more than ${nestingMax} levels of nesting`, []);
    checkObject(value, path);
    open.add(value);
    if (isArray(value)) addArray(value);
    else addObject(value);
    open.delete(value);
  };

  addValue(root);
  return { text: pieces.join(''), bytes };
};
