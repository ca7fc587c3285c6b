/**
 * Where an answer sends a request on to. Only requests without effects are sent on, and only so often as their cell says; where
 * each of them may connect is checked anew (`addresses.ts`).
 */

const followed: readonly number[] = [301, 302, 303, 307, 308];

/** The headers that go along to another origin: whatever else a cell sends may be a key to the first one. */
const carried: readonly string[] = ['accept', 'accept-encoding', 'accept-language', 'user-agent'];

/** Whether a header of a cell goes along from one URL to another. Scheme, host and port make an origin. */
export const mayCarry = (name: string, from: URL, to: URL): boolean =>
  from.origin === to.origin || carried.includes(name.toLowerCase());

/** One request of several. `passed`: the URLs before it, in order. */
export type Hop = { url: URL; headers: [string, string][]; passed: string[] };

export type Next = { kind: 'none' } | { kind: 'go'; hop: Hop } | { kind: 'refused'; message: string };

/** Whether an answer is a redirect that could be followed. */
export const isRedirect = (status: number, location: unknown): boolean =>
  followed.includes(status) && location !== undefined;

const withoutFragment = (url: URL): string => url.href.replace(/#.*$/s, '');

/**
 * @param max how many redirects are followed in all; 0: none
 * @param secrets values that no header takes to another origin, whatever it is called
 */
export const nextOf = (
  hop: Hop,
  answer: { status: number; location: string | string[] | undefined },
  max: number,
  secrets: readonly string[] = [],
): Next => {
  const { status, location } = answer;
  if (max === 0 || !isRedirect(status, location)) return { kind: 'none' };
  const [to = '', second] = [location].flat();
  const from = hop.url.host;
  const refuse = (why: string): Next => ({ kind: 'refused', message: `${from} answers ${status}: ${why}` });
  if (second !== undefined) return refuse('it redirects to several places at once; none was asked.');
  if (!URL.canParse(to, hop.url.href)) return refuse('it redirects to what is no URL.');
  const url = new URL(to, hop.url);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return refuse(`it redirects to ${url.protocol}, which is not http: or https:.`);
  if (hop.url.protocol === 'https:' && url.protocol === 'http:')
    return refuse(`it redirects from https: to http: (${url.host}), where others may listen; nothing was sent there.`);
  if (url.username !== '' || url.password !== '')
    return refuse(`it redirects to a URL with user name or password (${url.host}); nothing was sent there.`);
  const passed = [...hop.passed, withoutFragment(hop.url)];
  if (passed.includes(withoutFragment(url)))
    return refuse(`it redirects back to where it was asked already (${url.host}).`);
  if (passed.length > max)
    return refuse(`it redirects once more to ${url.host}, but only ${max} are followed (\`redirects=\`).`);
  const isFree = (text: string): boolean => hop.url.origin === url.origin || !secrets.some((one) => text.includes(one));
  const headers = hop.headers.filter(([name, text]) => mayCarry(name, hop.url, url) && isFree(text));
  return { kind: 'go', hop: { url, headers, passed } };
};
