/** What a person answers to a manual cell, from options, from a file, or field by field at a terminal; and a file that they attach. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { CallOf } from '../contract/index.ts';
import { answerFields, fieldText, isRequired, limits, PawlError, type WaitReport } from '../engine/index.ts';
import { ask } from './ask.ts';
import { textOfFile } from './given.ts';
import { readParams } from './params.ts';
import { harmless, type Screen } from './screen.ts';

type Schema = Record<string, unknown>;
type Asked = Extract<WaitReport, { kind: 'manual' }>['answer'];
type Attachment = NonNullable<CallOf<'done'>['body']['attachment']>;
export type AnswerOptions = { answer: string[]; answerFile?: string; attach?: string };

/** At a terminal each field is asked for; one that may be left out is by an empty line. */
const askEach = async ({ print }: Screen, schema: Schema): Promise<string[]> => {
  const given: string[] = [];
  for (const field of answerFields(schema)) {
    const required = isRequired(schema, field[0]);
    const said = await ask(`${harmless(fieldText(field, required))} = `);
    if (said !== '') given.push(`${field[0]}=${said}`);
    else if (required) print(`  ${field[0]} is needed`);
  }
  return given;
};

const ofFile = async (file: string): Promise<Schema> => {
  const text = await textOfFile(file);
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer === 'object' && answer !== null && !Array.isArray(answer)) return answer as Schema;
  } catch (error) {
    throw new PawlError(
      'request.invalid',
      `--answer-file: ${file} is not JSON. Nothing was recorded.`,
      { file },
      error,
    );
  }
  throw new PawlError('request.invalid', `--answer-file: ${file} holds no JSON object. Nothing was recorded.`, {
    file,
  });
};

/** @throws PawlError `request.invalid`, `params.invalid` naming the field */
export const answerGiven = async (
  screen: Screen,
  asked: Asked,
  { answer, answerFile }: AnswerOptions,
): Promise<Schema | undefined> => {
  if (answer.length > 0 && answerFile !== undefined)
    throw new PawlError('request.invalid', '--answer and --answer-file exclude each other. Nothing was recorded.');
  if (answerFile !== undefined) return await ofFile(answerFile);
  const isThere = screen.live && process.stdin.isTTY === true;
  const given = answer.length === 0 && asked !== undefined && isThere ? await askEach(screen, asked) : answer;
  if (given.length === 0) return undefined;
  return { ...(await readParams({ params: asked ?? {} }, given, 'Answer')) };
};

/** Its size is looked at before it is read. @throws PawlError `request.invalid`, `limit.exceeded` */
export const attachmentGiven = async (file: string | undefined): Promise<Attachment | undefined> => {
  if (file === undefined) return undefined;
  const found = await stat(file).catch(() => undefined);
  if (found === undefined || !found.isFile())
    throw new PawlError('request.invalid', `--attach: ${file} is no file that can be read. Nothing was recorded.`, {
      file,
    });
  const { size: bytes } = found;
  if (bytes > limits.attachmentBytesMax) {
    const message = `--attach: ${file} has ${bytes} bytes; attachmentBytesMax is ${limits.attachmentBytesMax}. Nothing was recorded; put it where it can be fetched, and give its address.`;
    throw new PawlError('limit.exceeded', message, { limit: 'attachmentBytesMax', bytes });
  }
  const content = await readFile(file);
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { name: basename(file), base64: content.toString('base64'), sha256 };
};
