/**
 * Several at once, all of which have ended when the answer is here, also when one of them failed. After `Promise.all`
 * fails the others go on, in a frozen sandbox into the middle of the next call.
 */
export const settleAll = async <T extends readonly Promise<unknown>[] | []>(
  work: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> => {
  try {
    return await Promise.all(work);
  } finally {
    await Promise.allSettled(work);
  }
};
