/** How errors are told: on standard error for people, as one document on standard output with `--json`. */
import { styleText } from 'node:util';
import { CommanderError } from 'commander';
import { closed, isPawlError } from '../engine/index.ts';
import type { FileProblem } from './documents.ts';
import { harmless, type Screen } from './screen.ts';
import { asTyped } from './typed.ts';

type Told = { code: string; message: string; details: Readonly<Record<string, unknown>> };

const tellable = (error: unknown): Told => {
  if (isPawlError(error)) return { code: error.code, message: error.message, details: error.details };
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof CommanderError)
    return { code: 'request.invalid', message: message.replace(/^error: /, ''), details: {} };
  return {
    code: 'internal',
    message: `A defect of Pawl: ${closed(message)} Set PAWL_DEBUG=1 to see where, and report it.`,
    details: {},
  };
};

/** Problems of a document have a place each; those of parameters stand in the message already. */
const problemLines = ({ code, details }: Told): string[] => {
  if (code !== 'runbook.invalid' || !Array.isArray(details.problems)) return [];
  const problems: FileProblem[] = details.problems;
  return problems.map(({ file, line, column, message }) => `${file}:${line}:${column} ${message}`);
};

export const report = (error: unknown, screen: Screen, { json, debug }: { json: boolean; debug: boolean }): void => {
  const shown = tellable(error);
  if (debug && error instanceof Error)
    process.stderr.write(`${error.stack}\n${error.cause === undefined ? '' : `cause: ${error.cause}\n`}`);
  if (json) return screen.document({ error: shown });
  // Commander has written its own errors already.
  if (error instanceof CommanderError) return;
  for (const line of problemLines(shown)) process.stderr.write(`${asTyped(harmless(line))}\n`);
  process.stderr.write(
    `${styleText('red', 'pawl:', { stream: process.stderr })} ${asTyped(harmless(asTyped(shown.message)))}\n`,
  );
};
