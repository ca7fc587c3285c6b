/** `secrets` of the front matter, and where a cell may refer to them: by name, and never in an expression. */
import { isNeverHanded, limits, type SecretSpec } from '../engine/index.ts';
import { type Position, quote, type Report, suggest, type Text } from './text.ts';
import type { Field } from './yaml.ts';

export const secretName = /^[A-Z][A-Z0-9_]{0,63}$/;
/** What `from` may be: a store that Pawl knows, and what the secret is called there. */
export const secretSource =
  /^(?:ssm:\/[A-Za-z0-9_.\-/]{1,2047}|secretsmanager:[A-Za-z0-9/_+=.@:-]{1,2048}|file:\/[^\0\r\n]{1,4095}|env:[A-Za-z_][A-Za-z0-9_]{0,255})$/;
/** A host, with a port where that is not the usual one of the address. */
export const secretHost = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

type DeclaredSecret = SecretSpec & { at: Position };
export type DeclaredSecrets = ReadonlyMap<string, DeclaredSecret>;

const sources = '`ssm:/path`, `secretsmanager:ID`, `file:/path` or `env:NAME`';

const readOne = (field: Field, report: Report): DeclaredSecret => {
  const declared: DeclaredSecret = { from: '', hosts: [], at: field.at };
  const inner = field.fields();
  if (inner === null) {
    report(field.valueAt, `a secret says where it is: \`${field.key}: { from: … }\`, with ${sources}`);
    return declared;
  }
  for (const { key, at, value, valueAt, items } of inner) {
    if (key === 'from') {
      declared.from = typeof value === 'string' ? value.trim() : '';
      if (!secretSource.test(declared.from))
        report(valueAt, `\`from\` says where the secret is: ${sources}, not ${quote(String(value))}`);
      else if (declared.from.startsWith('env:') && isNeverHanded(declared.from.slice(4)))
        report(valueAt, `\`${declared.from}\` is never handed to a cell, whatever a place allows`);
    } else if (key === 'hosts') {
      const hosts = items();
      if (hosts === null || hosts.length === 0)
        report(
          valueAt,
          '`hosts` is a list of hosts, as in `[events.example.com]`; `http` sends the secret to no other',
        );
      for (const host of hosts ?? []) {
        if (!secretHost.test(host.text))
          report(host.at(0), `${quote(host.text)} is no host; write \`name\` or \`name:port\`, without a scheme`);
        declared.hosts.push(host.text.toLowerCase());
      }
      if (declared.hosts.length > limits.secretHostsMax)
        report(valueAt, `at most ${limits.secretHostsMax} hosts are possible (secretHostsMax)`);
    } else
      report(
        at,
        `unknown key ${quote(key)} of a secret${suggest(key, ['from', 'hosts']) || '; known are `from` and `hosts`'}`,
      );
  }
  if (!inner.some(({ key }) => key === 'from'))
    report(field.at, `\`${field.key}\` does not say where it is; add \`from:\` with ${sources}`);
  return declared;
};

/** Reads `secrets:`; what is wrong is reported. */
export const readSecrets = (field: Field, report: Report): DeclaredSecrets => {
  const found = new Map<string, DeclaredSecret>();
  const fields = field.fields();
  if (fields === null)
    report(field.valueAt, '`secrets` is a mapping of names, as in `{ PAGER: { from: "ssm:/pawl/pager" } }`');
  for (const entry of fields ?? []) {
    if (!secretName.test(entry.key))
      report(
        entry.at,
        `${quote(entry.key)} is no name of a secret; names are capital letters, digits and \`_\`, at most 64, as in \`PAGER\``,
      );
    found.set(entry.key, readOne(entry, report));
  }
  if (found.size > limits.secretsPerRunbookMax)
    report(field.at, `a runbook declares at most ${limits.secretsPerRunbookMax} secrets (secretsPerRunbookMax)`);
  return found;
};

/**
 * Secrets that a cell names. `unclear`: where its code takes more than plain names of them, so that it cannot be told which.
 */
export type Uses = { names: Set<string>; unclear: Position | null };
export const noUses = (): Uses => ({ names: new Set(), unclear: null });

/** Notes that a secret is used, and reports one that is not declared. */
export const referToSecret = (
  name: string,
  at: Position,
  declared: DeclaredSecrets | null,
  uses: Uses,
  report: Report,
): void => {
  uses.names.add(name);
  if (declared === null || declared.has(name)) return;
  report(at, `there is no secret ${quote(name)}${suggest(name, declared.keys()) || '; declare it under `secrets:`'}`);
};

/** Reports what no request may carry. */
export const refuseHostless = (
  names: Iterable<string>,
  at: Position,
  declared: DeclaredSecrets | null,
  report: Report,
): void => {
  for (const name of names)
    if (declared?.get(name)?.hosts.length === 0)
      report(
        at,
        `the secret \`${name}\` has no \`hosts\`, so no request may carry it; declare them, as in \`${name}: { from: …, hosts: [events.example.com] }\``,
      );
};

/** A placeholder that stands for a secret: its name alone, so that nothing is computed with its value. */
export const secretPlaceholder = /^secrets\.([A-Za-z_]\w*)$/;

const inCode = /PAWL_SECRETS\}?["']?\/([A-Za-z_]\w*)|PAWL_SECRETS/g;

/** Where a script plainly puts a value: what else it writes cannot be told from its text. */
const written = />\|?\s*["']?\$\{?PAWL_SECRETS\}?["']?\/([A-Za-z_]\w*)/g;

/** Reports a secret that a script makes, and which can be put nowhere. */
export const refuseUnkept = (script: Text, declared: DeclaredSecrets | null, report: Report): void => {
  for (const { 1: name = '', index } of script.text.matchAll(written))
    if (declared?.get(name)?.from.startsWith('env:'))
      report(
        script.at(index),
        `\`${name}\` is a variable of Pawl's process, which nothing can be put into; keep it in \`ssm:\`, \`secretsmanager:\` or \`file:\``,
      );
};

/** The files of secrets that code names, as `$PAWL_SECRETS/NAME`. */
export const usedFilesIn = (body: Text, declared: DeclaredSecrets | null, uses: Uses, report: Report): void => {
  for (const { 1: name, index } of body.text.matchAll(inCode)) {
    if (name === undefined) uses.unclear ??= body.at(index);
    else referToSecret(name, body.at(index), declared, uses, report);
  }
};

/** What only names itself in the text of a module, where it cannot be told what is taken out of `secrets`. */
export const usedNamesIn = (body: Text, declared: DeclaredSecrets | null, uses: Uses, report: Report): void => {
  for (const { 1: name = '', index } of body.text.matchAll(/\bsecrets\??\.([A-Z][A-Z0-9_]{0,63})\b/g))
    referToSecret(name, body.at(index), declared, uses, report);
};
