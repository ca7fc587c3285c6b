/** Which runbook a `run` fence names: `runbook: restore_db`, or with a version `restore_db@3`. */
import type { Named } from '../engine/index.ts';
import { readInfo } from './attributes.ts';
import { readDocument } from './document.ts';
import type { Text } from './text.ts';
import type { Field } from './yaml.ts';
import { readYamlFields } from './yamlTemplate.ts';

const pattern = /^([A-Za-z0-9][A-Za-z0-9._-]{0,127})(?:@([1-9]\d{0,8}))?$/;

/** `undefined`: it names none. */
export const namedIn = (text: string): Named | undefined => {
  const [, runbookId, version] = pattern.exec(text) ?? [];
  if (runbookId === undefined) return undefined;
  return version === undefined ? { runbookId } : { runbookId, version: Number(version) };
};

/** As it is written. */
export const namedText = ({ runbookId, version }: Named): string =>
  version === undefined ? runbookId : `${runbookId}@${version}`;

export const runbookIn = (fields: readonly Field[]): Field | undefined => fields.find(({ key }) => key === 'runbook');

/** What the body of a fence names, without a word about the rest of it. */
export const namedBy = (body: Text): Named | undefined => {
  const field = runbookIn(readYamlFields(body, () => {}, 'the body of a `run` cell')?.fields ?? []);
  return typeof field?.value === 'string' ? namedIn(field.value) : undefined;
};

const mayRun = /^[\s>]*(?:`{3,}|~{3,})[ \t]*run\b/m;

/** Everything that a document runs, each once. What cannot be read is told when it is compiled. */
export const runsIn = (source: string): Named[] => {
  if (!mayRun.test(source)) return [];
  const found = new Map<string, Named>();
  try {
    for (const { info, body } of readDocument(source, () => {}).fences) {
      const read = readInfo(info, () => {});
      const named = typeof read === 'object' && read.language === 'run' ? namedBy(body) : undefined;
      if (named !== undefined) found.set(namedText(named), named);
    }
  } catch {
    // Whatever some parser could not take is refused with its place when the document is compiled.
    return [];
  }
  return [...found.values()];
};
