/** What a browser sees that comes with a login link. Pages without scripts. */
import { createHash } from 'node:crypto';

type Page = { status: number; headers: Record<string, string>; body: string };

const style =
  ':root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;color:#1b2330;background:#fff;max-width:36rem;margin:0 auto;padding:1.5rem}h1{font-size:1.3rem}code{background:#8883;padding:.1rem .3rem;border-radius:.25rem}@media(prefers-color-scheme:dark){body{color:#e4e8ee;background:#11151c}a{color:#8ab4ff}}';
const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);

const page = (status: number, title: string, body: string): Page => ({
  status,
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': policy,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  },
  body: `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title><style>${style}</style></head>
<body><main><h1>${title}</h1>
${body}
</main></body></html>
`,
});

const another = '<p><code>pawl login</code> on that machine makes a link. It is good once, and for five minutes.</p>';

/** @param isSpent whether somebody came with a link */
export const loginPage = (isSpent: boolean): Page =>
  isSpent
    ? page(410, 'This link is over', `<p>It was used, or it is too old.</p>\n${another}`)
    : page(401, 'Log in to Pawl', another);

/** @param groups separated by commas, as whoever made the link names them */
export const loggedInPage = (actor: string, groups: string): Page =>
  page(
    200,
    'You are logged in',
    `<p>This browser may ask this service for twelve hours, as <strong>${escaped(actor)}</strong>${groups === '' ? '' : `, in the groups ${escaped(groups)}`}.</p>
<p><a href="/console">Open the console.</a></p>
<p>The API itself: <a href="/instances">instances</a>, <a href="/runbooks">runbooks</a>, <a href="/openapi.json">all of it</a>.</p>`,
  );
