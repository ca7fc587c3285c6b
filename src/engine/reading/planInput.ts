/** What a cell acts with, as a plan shows it. */
import { type Cell, type EachBody, type RunBody, runsOnce } from '../model/runbook.ts';
import { plural } from '../model/words.ts';
import type { Authoring, Scope } from '../ports.ts';
import { fill, lastingText, sources } from './planFill.ts';

const bigAsText = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

/** Elements are known where the list needs no earlier output. */
const elementsOf = (authoring: Authoring, body: EachBody | RunBody, scope: Scope): string => {
  const found = authoring.evaluate(body.over, scope);
  const items: unknown = found.kind === 'value' ? found.value : undefined;
  if (!Array.isArray(items)) return body.over.source;
  const each = items.map((item) => (typeof item === 'string' ? item : JSON.stringify(item, bigAsText)));
  return [`${body.over.source}: ${plural(items.length, 'element')}`, ...each].join('\n');
};

export const inputOf = (authoring: Authoring, { body }: Cell, scope: Scope): string => {
  switch (body.kind) {
    case 'ts':
    case 'js':
    case 'sh':
      return body.code.trim();
    case 'http': {
      const headers = body.headers.map(([name, value]) => `\n${name}: ${fill(authoring, value, scope)}`).join('');
      const content = body.body === null ? '' : `\n\n${fill(authoring, body.body, scope)}`;
      const role = body.sigv4?.role == null ? '' : ` as ${fill(authoring, body.sigv4.role, scope)}`;
      const signed =
        body.sigv4 === undefined ? '' : `\nsigned for ${body.sigv4.service} in ${body.sigv4.region}${role}`;
      return `${body.method} ${fill(authoring, body.url, scope)}${signed}${headers}${content}`;
    }
    case 'aws': {
      const { service, action, tokens } = body;
      const place = (
        [
          ['in', body.region],
          ['as', body.role],
        ] as const
      )
        .map(([word, template]) => (template === null ? '' : ` ${word} ${fill(authoring, template, scope)}`))
        .join('');
      const filled = tokens.map((token) => `\n${token}: from the key of the visit`).join('');
      return `${service}:${action}${place}\n${fill(authoring, body.input, scope)}${filled}`;
    }
    case 'task':
      return `${body.task}${body.effects === undefined ? '' : ` (effects=${body.effects})`}\n${fill(authoring, body.input, scope)}`;
    case 'manual':
      return fill(authoring, body.instructions, scope);
    case 'assert':
      return sources(body.expressions).join('\n');
    case 'await': {
      const which = body.claims.length === 1 ? '' : `${body.match} of `;
      const claims = body.claims.map((claim) => fill(authoring, claim, scope)).join(', ');
      const also = body.condition === null ? '' : `\nif ${body.condition.source}`;
      return `${which}${claims}: ${body.until.join(' or ')}${also}`;
    }
    case 'approve':
      return fill(authoring, body.text, scope);
    case 'wait':
      if (body.forMs !== null) return `for ${lastingText(authoring, body.forMs, scope)}`;
      if (body.until !== null) return `until ${fill(authoring, body.until, scope)}`;
      return `until the next time of ${body.cron} in ${body.tz}`;
    case 'end':
      return '';
    case 'branch':
      return '';
    case 'run':
      return runsOnce(body) ? '' : elementsOf(authoring, body, scope);
    case 'each':
      return elementsOf(authoring, body, scope);
  }
};
