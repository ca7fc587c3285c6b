/** Attributes that one kind of cell has alone: of requests and of scripts. */
import { type HttpBody, limits, type ScriptBody } from '../engine/index.ts';
import { type Attributes, textOfAttribute } from './attributes.ts';
import type { Escape } from './http.ts';
import { quote, type Report } from './text.ts';

const statusMin = 100;
const statusMax = 599;

const readStatuses = (name: string, attributes: Attributes, report: Report): number[] => {
  const text = textOfAttribute(name, attributes, report);
  if (text === undefined || text.text === '') return [];
  const words = [...text.text.matchAll(/\S+/g)];
  if (words.length === 0) report(text.at(0), `\`${name}\` names no status; write \`${name}="500 503"\``);
  const seen = new Set<number>();
  for (const { 0: word, index } of words) {
    const status = /^\d{3}$/.test(word) ? Number(word) : 0;
    if (status < statusMin || status > statusMax)
      report(
        text.at(index),
        `\`${name}\` is a list of statuses from ${statusMin} to ${statusMax}, with spaces between them, not ${quote(word)}`,
      );
    else if (seen.has(status)) report(text.at(index), `the status ${status} is given twice; keep one`);
    seen.add(status);
  }
  return [...seen];
};

/** What the author of a request knows better about some statuses than the table of statuses does. */
export const readMeanings = (attributes: Attributes, report: Report): Pick<HttpBody, 'failedOn' | 'unknownOn'> => {
  const failedOn = readStatuses('failedOn', attributes, report);
  const unknownOn = readStatuses('unknownOn', attributes, report);
  const both = failedOn.find((status) => unknownOn.includes(status));
  const at = attributes.get('unknownOn')?.at;
  if (both !== undefined && at !== undefined)
    report(at, `the status ${both} is in \`failedOn\` and in \`unknownOn\`; keep one`);
  return { ...(failedOn.length > 0 && { failedOn }), ...(unknownOn.length > 0 && { unknownOn }) };
};

/** Whether the output has the cookies of the answer. */
export const readCookies = (attributes: Attributes, report: Report): Pick<HttpBody, 'cookies'> => {
  const text = textOfAttribute('cookies', attributes, report);
  if (text === undefined || text.text === '') return {};
  if (text.text !== 'keep')
    report(text.at(0), `\`cookies\` is keep, not ${quote(text.text)}; without it, the output has no \`set-cookie\``);
  return { cookies: 'keep' };
};

/** How many redirects a request follows. Only one without effects may be sent again elsewhere. */
export const readRedirects = (attributes: Attributes, method: string, report: Report): Pick<HttpBody, 'redirects'> => {
  const text = textOfAttribute('redirects', attributes, report);
  if (text === undefined || text.text === '') return {};
  const redirects = /^\d{1,3}$/.test(text.text) ? Number(text.text) : 0;
  if (redirects < 1 || redirects > limits.httpRedirectsMax)
    report(
      text.at(0),
      `\`redirects\` is a whole number from 1 to ${limits.httpRedirectsMax} (httpRedirectsMax), not ${quote(text.text)}; without it, none is followed`,
    );
  else if (method !== '' && method !== 'GET' && method !== 'HEAD')
    report(
      text.at(0),
      `redirects are followed of GET and HEAD only, not of ${quote(method)}: the first address may have done it already`,
    );
  return { redirects };
};

/** Whether values in the body of a request are written as its type says, or as they are. */
export const readEscape = (attributes: Attributes, report: Report): Escape => {
  const text = textOfAttribute('escape', attributes, report);
  if (text === undefined || text.text === '') return 'byType';
  if (text.text !== 'none')
    report(
      text.at(0),
      `\`escape\` is none, not ${quote(text.text)}; without it, values are written as the Content-Type says`,
    );
  return 'none';
};

/** How a script is run: with `-eu` unless it says otherwise, by `sh` unless it says `bash`, here or in its `#!` line. */
export const readShell = (
  attributes: Attributes,
  code: string,
  report: Report,
): Pick<ScriptBody, 'errexit' | 'shell'> => {
  const errexit = textOfAttribute('errexit', attributes, report);
  if (errexit !== undefined && errexit.text !== 'off' && errexit.text !== '')
    report(errexit.at(0), `\`errexit\` is off, not ${quote(errexit.text)}; without it, a script begins with \`-eu\``);
  const shell = textOfAttribute('shell', attributes, report);
  if (shell !== undefined && shell.text !== 'bash' && shell.text !== '')
    report(
      shell.at(0),
      `\`shell\` is bash, not ${quote(shell.text)}; without it, \`/bin/sh\` or what a \`#!\` line names`,
    );
  else if (shell !== undefined && code.startsWith('#!'))
    report(shell.at(0), 'this script has a `#!` line, which says by what it is run; keep that, or `shell=`');
  return {
    ...(errexit?.text === 'off' ? {} : { errexit: true }),
    ...(shell?.text === 'bash' ? { shell: 'bash' } : {}),
  };
};
