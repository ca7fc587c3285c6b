/**
 * Masking: no value of a secret, and no usual form of one, is in what a cell says. It works on bytes as they come, so that a
 * value is found across the borders of chunks: of a stream at most the beginning of a form is held back, until what follows
 * tells, or it ends. A pause tells nothing: half a value before it and half after it would be a value in the journal.
 *
 * A cell that means to tell its secret can (letter by letter, say): it has it. This is against accidents.
 */

const mask = '•••';
/** What is shorter is found in texts that have nothing to do with it. */
const formCharsMin = 8;

/** Texts as strings of bytes, one character each: expressions are fast on them, and nothing is lost. @param {string} text */
const binary = (text) => Buffer.from(text, 'utf8').toString('latin1');
const maskBytes = binary(mask);
/** In base64 a value looks otherwise by where in the bytes around it it begins; what depends on these is left out. @param {Buffer} bytes */
const base64Of = (bytes) => {
  const found = [];
  for (const before of [0, 1, 2]) {
    const whole = Buffer.concat([Buffer.alloc(before), bytes]);
    const end = Math.floor((whole.length * 8) / 6);
    found.push(whole.toString('base64').slice(before === 0 ? 0 : before + 1, end));
  }
  const whole = bytes.toString('base64');
  found.push(whole);
  // As tools break it into lines.
  for (const width of [64, 76]) {
    if (whole.length <= width) continue;
    for (let at = 0; at < whole.length; at += width) found.push(whole.slice(at, at + width));
  }
  return found;
};

/** @param {string} text */
const urlOf = (text) => {
  if (!text.isWellFormed()) return [];
  const strict = encodeURIComponent(text).replace(
    /[!'()*]/g,
    (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  const all = [encodeURIComponent(text), strict, strict.replaceAll('%2F', '/'), encodeURI(text)];
  all.push(new URLSearchParams([['', text]]).toString().slice(1));
  return [...all, ...all.map((one) => one.replace(/%[0-9A-F]{2}/g, (found) => found.toLowerCase()))];
};

/** @param {string} text */
const jsonOf = (text) => {
  const once = JSON.stringify(text).slice(1, -1);
  const ascii = [...once]
    .flatMap((character) => character.split(''))
    .map((unit) => (unit > '\u007e' ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}` : unit))
    .join('');
  const slashes = once.replaceAll('/', '\\/');
  const html = once.replace(/[<>&]/g, (found) => `\\u00${found.charCodeAt(0).toString(16)}`);
  return [once, ascii, slashes, html, JSON.stringify(once).slice(1, -1)];
};

/** @param {string} text */
const formsOfText = (text) => {
  const bytes = Buffer.from(text, 'utf8');
  const base64 = base64Of(bytes);
  const hex = bytes.toString('hex');
  const xml = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return [
    text,
    ...base64,
    ...base64.map((one) => one.replaceAll('+', '-').replaceAll('/', '_')),
    ...urlOf(text),
    ...jsonOf(text),
    hex,
    hex.toUpperCase(),
    xml,
    xml.replaceAll('"', '&quot;').replaceAll("'", '&apos;'),
    xml.replaceAll('"', '&quot;').replaceAll("'", '&#39;'),
    // As a shell prints what it runs (`set -x`).
    text.replaceAll("'", "'\\''"),
  ];
};

/** Everything that is masked of a value: its forms, and those of each of its lines. @param {string} value */
const formsOf = (value) => {
  const lines = /[\r\n]/.test(value) ? value.split(/[\r\n]+/) : [];
  const trimmed = value.trim();
  const texts = [value, ...(trimmed === value ? [] : [trimmed]), ...lines.map((line) => line.trim())];
  const forms = texts.filter(({ length }) => length >= formCharsMin).flatMap(formsOfText);
  return [...new Set(forms)].filter(({ length }) => length >= formCharsMin);
};

/**
 * @typedef {{ write(bytes: Buffer): Buffer, end(): Buffer }} Stream
 * @typedef {{ text(text: string): string, bytes(bytes: Buffer): Buffer, json(text: string): string, head(bytes: Buffer): Buffer, stream(): Stream,
 *   add(values: Iterable<string>): void, readonly isEmpty: boolean }} Masker
 */

/** By how its first two bytes are told apart from most others. @param {string} bytes @param {number} at */
const slotOf = (bytes, at) => (bytes.charCodeAt(at) << 8) | bytes.charCodeAt(at + 1);

/**
 * The next form in bytes, from a place on; of several that begin at one place the longest. No regular expression: of forms as long as
 * a secret may be it is refused when it is first used, by an error that quotes all of it, or takes all memory.
 * @param {readonly string[]} forms the longest first
 */
const finderOf = (forms) => {
  const slots = new Uint8Array(0x10000);
  /** @type {Map<string, string[]>} */
  const byHead = new Map();
  for (const form of forms) {
    slots[slotOf(form, 0)] = 1;
    const head = form.slice(0, formCharsMin);
    const known = byHead.get(head);
    if (known === undefined) byHead.set(head, [form]);
    else known.push(form);
  }
  /** @param {string} bytes @param {number} from */
  return (bytes, from) => {
    const last = bytes.length - formCharsMin;
    for (let at = from; at <= last; at++) {
      if (slots[slotOf(bytes, at)] === 0) continue;
      const form = byHead.get(bytes.slice(at, at + formCharsMin))?.find((one) => bytes.startsWith(one, at));
      if (form !== undefined) return { form, at };
    }
    return undefined;
  };
};

const jsonToken = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/gs;

/**
 * @param {Iterable<string>} values
 * @returns {Masker}
 */
export const createMasker = (values) => {
  // The longest first: a form may begin as a shorter one does.
  /** @type {string[]} */
  let forms = [];
  let longest = 0;
  let isEmpty = true;
  let find = finderOf([]);
  /** @type {Set<string | undefined>} */
  let firsts = new Set();
  /** @param {Iterable<string>} more */
  const add = (more) => {
    const known = forms.length;
    forms = [...new Set([...forms, ...[...more].flatMap(formsOf).map(binary)])].sort((a, b) => b.length - a.length);
    if (forms.length === known) return;
    longest = forms[0]?.length ?? 0;
    isEmpty = forms.length === 0;
    find = finderOf(forms);
    firsts = new Set(forms.map((form) => form[0]));
  };
  add(values);

  /** @param {string} bytes */
  const masked = (bytes) => {
    if (isEmpty) return bytes;
    let told = '';
    let from = 0;
    for (let found = find(bytes, 0); found !== undefined; found = find(bytes, from)) {
      told += bytes.slice(from, found.at) + maskBytes;
      from = found.at + found.form.length;
    }
    return told + bytes.slice(from);
  };

  /** How much of the end may be the beginning of a form. @param {string} bytes */
  const openIn = (bytes) => {
    for (let at = Math.max(0, bytes.length - longest + 1); at < bytes.length; at++) {
      if (!firsts.has(bytes[at])) continue;
      const tail = bytes.slice(at);
      if (forms.some((form) => form.length > tail.length && form.startsWith(tail))) return tail.length;
    }
    return 0;
  };

  const nothing = Buffer.alloc(0);
  const stream = () => {
    let held = '';
    return {
      /** @param {Buffer} bytes */
      write: (bytes) => {
        if (isEmpty) return bytes;
        const raw = held + bytes.toString('latin1');
        let told = '';
        let from = 0;
        let until = raw.length - openIn(raw);
        // What stands before the open end is decided. A form that reaches into it is whole, so that only what follows is open.
        for (let found = find(raw, 0); found !== undefined && found.at < until; found = find(raw, from)) {
          told += raw.slice(from, found.at) + maskBytes;
          from = found.at + found.form.length;
          if (from > until) until = raw.length - openIn(raw.slice(from));
        }
        held = raw.slice(until);
        return Buffer.from(told + raw.slice(from, until), 'latin1');
      },
      end: () => {
        if (held === '') return nothing;
        const last = Buffer.from(masked(held), 'latin1');
        held = '';
        return last;
      },
    };
  };

  /** @param {string} text */
  const text = (text) => (isEmpty ? text : Buffer.from(masked(binary(text)), 'latin1').toString('utf8'));

  return {
    get isEmpty() {
      return isEmpty;
    },
    add,
    stream,
    text,
    /** Of a whole file, whatever it holds: what is packed or encrypted in it is not seen. @param {Buffer} bytes */
    bytes: (bytes) => (isEmpty ? bytes : Buffer.from(masked(bytes.toString('latin1')), 'latin1')),
    /** Of the beginning of something: what it ends with may be the beginning of a form, and is left out. @param {Buffer} bytes */
    head: (bytes) => stream().write(bytes),
    /**
     * JSON stays JSON: each of its texts is looked at as it reads, also keys, and each number; all else stays as it was written.
     * @param {string} written
     */
    json: (written) => {
      if (isEmpty) return written;
      return written.replace(jsonToken, (token) => {
        if (!token.startsWith('"')) return text(token) === token ? token : `"${mask}"`;
        let read;
        try {
          read = JSON.parse(token);
        } catch {
          return text(token);
        }
        const after = text(read);
        return after === read ? token : JSON.stringify(after);
      });
    },
  };
};
