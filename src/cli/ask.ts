/** A question to the person at a terminal. */
import { createInterface } from 'node:readline/promises';

/** What was answered, without spaces around it; nothing for Ctrl-C and Ctrl-D. */
export const ask = async (question: string): Promise<string> => {
  const asking = createInterface({ input: process.stdin, output: process.stdout });
  // A closed terminal answers nothing, and `question` alone would wait for ever.
  const closed = new Promise<string>((resolve) => asking.once('close', () => resolve('')));
  try {
    return (await Promise.race([asking.question(question).catch(() => ''), closed])).trim();
  } finally {
    asking.close();
  }
};
