/**
 * What a one-time link shows: a page without scripts, so that it works wherever a mail is read. Everything in it that
 * comes from a runbook, a parameter or an output is escaped. The document is shown as it is written: rendered, it would
 * hide what stands in its front matter and beside its cells, and the vote is about that too.
 */
import { createHash } from 'node:crypto';
import { type LinkShown, limits, type PawlError, type Voted } from '../engine/index.ts';
import { colours } from './look.ts';

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Characters that reorder or hide what is shown stand there by their numbers. */
const escapeHtml = (text: string): string =>
  text
    .replaceAll(/[&<>"]/g, (one) => entities[one] ?? one)
    .replaceAll(
      /[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g,
      (one) => `[U+${one.charCodeAt(0).toString(16).toUpperCase()}]`,
    );

const style = `${colours}body{font:16px/1.5 system-ui,sans-serif;color:var(--text);background:var(--ground);max-width:46rem;margin:0 auto;padding:1.25rem;overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .25rem}h2{font-size:1.15rem;margin:1.5rem 0 .5rem}a{color:var(--link)}
:focus-visible{outline:2px solid var(--focus);outline-offset:2px;border-radius:3px}
p{margin:.5rem 0}pre{white-space:pre-wrap;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;background:var(--soft);padding:.6rem .75rem;border-radius:6px;margin:.4rem 0;font-size:.875rem}
.asked{border:1px solid var(--line);border-left:4px solid var(--live);border-radius:8px;background:var(--paper);padding:1rem 1.25rem;font:inherit;font-size:1.0625rem}.quiet{color:var(--quiet);font-size:.875rem}
details{background:var(--paper);border:1px solid var(--line);border-radius:6px;padding:.5rem .75rem}summary{cursor:pointer}details.beyond{border-style:dashed}
textarea{width:100%;box-sizing:border-box;font:inherit;color:var(--text);background:var(--paper);border:1px solid var(--quiet);border-radius:6px;padding:.4rem .6rem;min-height:4rem}
button{font:inherit;font-weight:600;color:var(--text);background:var(--paper);border:1px solid var(--quiet);border-radius:6px;padding:.4rem .9rem;min-height:2.5rem;margin-right:.6rem;cursor:pointer}
button.yes{background:var(--link);border-color:var(--link);color:var(--paper)}button.no{color:var(--bad);border-color:var(--bad)}
dl{margin:0}dt{font-weight:600}dd{margin:0 0 .5rem}`;

const styleHash = createHash('sha256').update(style).digest('base64');

/**
 * A page has one style and one form, and nothing else is ever loaded, framed or run. Each word is needed: without
 * `allow-forms` the button does nothing; without `allow-same-origin`, or with a policy that names no referrer, the vote
 * comes from `Origin: null`, which a careful service refuses; `upgrade-insecure-requests` would send it where a service
 * on plain HTTP does not listen.
 */
export const pageHeaders = {
  'content-security-policy': [
    "default-src 'none'",
    `style-src 'sha256-${styleHash}'`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    'sandbox allow-forms allow-same-origin',
  ].join('; '),
  'referrer-policy': 'same-origin',
};

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;

const listOf = (values: Record<string, string>): string =>
  Object.entries(values)
    .map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd><pre>${escapeHtml(value)}</pre></dd>`)
    .join('\n');

const section = (title: string, values: Record<string, string>): string =>
  Object.keys(values).length === 0 ? '' : `<h2>${title}</h2>\n<dl>\n${listOf(values)}\n</dl>`;

const textOf = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));

/** What stands open at once: about a screen. */
const openLinesMax = 40;
const openCharsMax = 3_000;

const fold = (summary: string, text: string, kind = ''): string => {
  // Of a browser the first line break in a `pre` is lost anyway.
  const shown = text.replace(/^\n+/, '').trimEnd();
  const isShort = shown.length <= openCharsMax && shown.split('\n').length <= openLinesMax;
  return `<details${kind}${isShort ? ' open' : ''}><summary>${summary}</summary>
<pre>${escapeHtml(shown)}</pre>
</details>`;
};

/** Beside what is voted about, and told apart from it. */
const beyond = ({ document, cells, until, isCut }: LinkShown['freed']): string => {
  const end = until === null ? 'to the end of the runbook' : `to the next question (${escapeHtml(until)})`;
  const count = `${cells.length} ${cells.length === 1 ? 'cell' : 'cells'}`;
  const what = cells.length === 0 ? `No cell runs between here and ${end.slice('to '.length)}.` : `${count}, ${end}.`;
  const cut = isCut ? ' Only the beginning can be shown here.' : '';
  return `<h2>What an approval sets free</h2>
<p><strong>Not part of your approval:</strong> the hash of your vote does not cover it. ${what}${cut}</p>
${cells.length === 0 ? '' : fold('What runs next, once it is approved', document, ' class="beyond"')}`;
};

/** Logs that the vote is about, and how much of each. */
const logsOf = (logs: NonNullable<LinkShown['shown']['logs']>): string =>
  Object.entries(logs)
    .map(([cell, { covers, bytes, text, why }]) => {
      const title = `<h2>Log of ${escapeHtml(cell)}</h2>`;
      if (covers === 'nothing')
        return `${title}\n<p>Nothing of it is shown, so your vote is not about it. ${escapeHtml(why ?? '')}</p>`;
      const part = covers === 'whole' ? 'All of it' : 'Its beginning and its end';
      return `${title}\n${fold(`${part}: ${bytes} bytes were logged`, text)}`;
    })
    .join('\n');

/**
 * The address of this page is a credential, so the console is told nothing of it: no referrer, and no script here that could. Who
 * signs in there votes as themselves, and the link stays good.
 */
const inConsole = (instanceId: string): string =>
  `<p class="quiet">Whoever may sign in here can see the whole run: <a href="/console/instances/${encodeURIComponent(instanceId)}" rel="noreferrer" referrerpolicy="no-referrer">open it in the console</a>.</p>`;

/**
 * What is asked, all that it rests upon, what it leads to, and a form. Looking at it changes nothing.
 * @param hasConsole whether this service has one
 */
export const linkPage = (
  { instanceId, cell, title, actor, expiresAtMs, shown, freed }: LinkShown,
  hasConsole = false,
): string => {
  const textsOf = (values: Record<string, unknown>): Record<string, string> =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, textOf(value)]));
  const params = textsOf(shown.params);
  const elements = textsOf(shown.each ?? {});
  const until = new Date(expiresAtMs).toISOString().replace('T', ' ').slice(0, 16);
  return page(
    `${title}: your approval`,
    `<h1>${escapeHtml(title)}</h1>
<p class="quiet">Run ${escapeHtml(instanceId)}, cell ${escapeHtml(cell)}. Asked: ${escapeHtml(actor)}, until ${until} UTC.</p>
<pre class="asked">${escapeHtml(shown.text.trim())}</pre>
${section('Parameters', params)}
${section('Element', elements)}
${section('Outputs of earlier cells', shown.outputs)}
${section('How earlier cells ended', shown.states ?? {})}
${logsOf(shown.logs ?? {})}
<h2>Runbook so far</h2>
${fold('The document up to this question', shown.document)}
${beyond(freed)}
<h2>Your vote</h2>
<form method="post">
<input type="hidden" name="shownHash" value="${escapeHtml(shown.hash)}">
<p><label for="comment">Comment, if you like (it stands in the journal)</label></p>
<p><textarea id="comment" name="comment" maxlength="${limits.commentCharsMax}"></textarea></p>
<p><button class="yes" name="decision" value="approve">Approve</button><button class="no" name="decision" value="reject">Reject</button></p>
</form>
<p class="quiet">This link votes once, as ${escapeHtml(actor)}. What you see, but for what an approval sets free, is bound to your vote by its hash ${escapeHtml(shown.hash.slice(0, 12))}…</p>
${hasConsole ? inConsole(instanceId) : ''}`,
  );
};

export const votedPage = (
  asked: 'approve' | 'reject',
  { decision, approvals, quorum, instanceId }: Omit<Voted, 'view' | 'shownHash'> & { instanceId: string },
): string => {
  const vote = asked === 'approve' ? 'You approved.' : 'You rejected.';
  const missing = `${approvals.length} of ${quorum} approvals so far; the run waits for the rest.`;
  const came = decision === null ? missing : `What was asked is ${decision}.`;
  return page(
    vote,
    `<h1>${vote}</h1>
<p>${escapeHtml(came)} You may close this page; the link is spent.</p>
<p class="quiet">Run ${escapeHtml(instanceId)}</p>`,
  );
};

/** For the person who followed a link: the same words as the problem that a program gets. */
export const refusedPage = ({ code, message }: Pick<PawlError, 'code' | 'message'>): string => {
  // Whoever looks at it once more after the vote must not read that there was none.
  const title = code === 'link.used' ? 'This link is spent' : 'Nothing was voted';
  return page(title, `<h1>${title}</h1>\n<p>${escapeHtml(message)}</p>`);
};
