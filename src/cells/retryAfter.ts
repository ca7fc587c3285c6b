/**
 * For how long an answer asks to be left alone, in ms: seconds, or a date, which is compared with the answer's own. What is
 * neither says nothing.
 */
export const askedMsOf = (headers: Record<string, unknown>): number | undefined => {
  const asked = [headers['retry-after']].flat()[0];
  if (typeof asked !== 'string') return undefined;
  const text = asked.trim();
  if (/^\d{1,12}$/.test(text)) return Number(text) * 1_000;
  if (!/^[A-Za-z]{3,9}, .*GMT$/.test(text)) return undefined;
  const saidAtMs = Date.parse(String(headers.date));
  const ms = Date.parse(text) - (Number.isNaN(saidAtMs) ? Date.now() : saidAtMs);
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
};
