/** What a person gives with a manual cell: an answer that fits its schema, and a file. Whatever does not fit is refused before anything stands. */
import { type Call, stateOf } from '../call/call.ts';
import { PawlError } from '../model/errors.ts';
import type { Attached } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import type { Cell } from '../model/runbook.ts';
import type { Waiting } from '../model/state.ts';
import { bytesOf } from '../model/text.ts';

/** A file as it was given. `sha256`: what its giver holds it to be. */
export type Attachment = { name: string; content: Uint8Array; sha256?: string };

/** What a cell asks: the names of the answer's fields, in a few words. */
const askedIn = (schema: Record<string, unknown>): string => {
  const names = Object.keys(typeof schema.properties === 'object' ? (schema.properties ?? {}) : {});
  return names.length === 0 ? 'an answer' : names.slice(0, limits.problemsMax).join(', ');
};

const nothing = 'Nothing was recorded';

/**
 * The answer as the cell's output, JSON text; `undefined`: the cell asks for none.
 * @throws PawlError `answer.refused` when it is missing, not asked for, or does not fit; `limit.exceeded`
 */
export const answerOf = (call: Call, { name, body, line }: Cell, answer: unknown): string | undefined => {
  const { engine, instanceId } = call;
  const schema = body.kind === 'manual' ? body.answer : undefined;
  const details = { instanceId, cell: name };
  if (schema === undefined) {
    if (answer === undefined) return undefined;
    const message = `Cell ${name} of ${instanceId} asks for no answer. ${nothing}; say it in the note.`;
    throw new PawlError('answer.refused', message, details);
  }
  if (answer === undefined) {
    const message = `Cell ${name} of ${instanceId} asks for an answer: ${askedIn(schema)}. ${nothing}; give it, or record that it failed.`;
    throw new PawlError('answer.refused', message, { ...details, answer: schema });
  }
  const text = JSON.stringify(answer);
  const bytes = bytesOf(text);
  if (bytes > limits.answerGivenBytesMax) {
    const message = `The answer to ${name} of ${instanceId} has ${bytes} bytes; answerGivenBytesMax is ${limits.answerGivenBytesMax}. ${nothing}; attach what is larger as a file.`;
    throw new PawlError('limit.exceeded', message, { ...details, limit: 'answerGivenBytesMax', bytes });
  }
  const source = 'output fits its schema';
  const { visit } = stateOf(call);
  const scope = { params: {}, outputs: {}, step: { instanceId, cell: name, visit }, output: answer };
  const found = engine.authoring.evaluate({ source, line, schema }, scope);
  if (found.kind === 'value' && found.value === true) return text;
  const why = found.kind === 'error' ? found.message : (found.why ?? 'it does not fit');
  const message = `Cell ${name} of ${instanceId} does not take this answer: ${why}. ${nothing}; answer as it asks (${askedIn(schema)}), or record that it failed.`;
  throw new PawlError('answer.refused', message, { ...details, answer: schema, why });
};

const namePattern = /^[^\p{C}/\\]+$/u;

/** @throws PawlError `attachment.refused`, `limit.exceeded` */
export const assertAttachment = (
  { sha256 }: Pick<Call['engine'], 'sha256'>,
  { name, content, sha256: given }: Attachment,
): void => {
  const bytes = content.byteLength;
  if (bytes > limits.attachmentBytesMax) {
    const message = `The file has ${bytes} bytes; attachmentBytesMax is ${limits.attachmentBytesMax}. ${nothing}; put it where it can be fetched, and give its address.`;
    throw new PawlError('limit.exceeded', message, { limit: 'attachmentBytesMax', bytes });
  }
  if (!namePattern.test(name) || name.length > limits.attachmentNameCharsMax || name === '.' || name === '..') {
    const message = `A file is attached under a plain name of 1 to ${limits.attachmentNameCharsMax} printable characters (attachmentNameCharsMax), without a folder. ${nothing}.`;
    throw new PawlError('attachment.refused', message, { limit: 'attachmentNameCharsMax' });
  }
  if (given === undefined) return;
  const is = sha256(content);
  if (is === given) return;
  const message = `The file ${name} is not what its hash says: ${given.slice(0, 12)} was given, and what arrived has ${is.slice(0, 12)}. ${nothing}; send it again.`;
  throw new PawlError('attachment.refused', message, { name, given, is });
};

/** Keeps a file beside the chain, before the entry that has its hash: without that entry nothing leads to it. */
export const keepAttachment = async (
  { engine, instanceId }: Call,
  { seq }: Waiting,
  owner: string,
  { name, content }: Attachment,
): Promise<Attached> => ({ name, ...(await engine.journal.putFile(instanceId, seq, owner, content)) });
