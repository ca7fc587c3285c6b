/** What the text of a view says that it waits for. The console judges by it as the engine does, so it needs no schema. */

/** Whether a view is of an instance that waits for its elements: which of these need somebody their own journals say. */
export const waitsForElements = ({ waitsFor: text }: { waitsFor: string | null }): boolean =>
  text !== null && /^\d+\/\d+ elements/.test(text);
