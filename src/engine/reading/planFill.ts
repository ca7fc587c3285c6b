/** Texts of a runbook, filled in as far as its parameters tell; `{{ }}` stays where an earlier cell's output is needed. */
import type { Expression, Lasting, Template } from '../model/cellKinds.ts';
import { duration } from '../model/words.ts';
import type { Authoring, Scope } from '../ports.ts';

export const fill = (authoring: Authoring, template: Template, scope: Scope): string =>
  template
    .map((part) => {
      if (typeof part === 'string') return part;
      const rendered = authoring.render([part], scope);
      return rendered.kind === 'text' ? rendered.text : `{{ ${part.expression} }}`;
    })
    .join('');

export const sources = (expressions: Expression[]): string[] => expressions.map(({ source }) => source);

/** How long something lasts; what no value here says, as it is written; what is no duration, with why. */
export const lastingText = (authoring: Authoring, lasting: Lasting, scope: Scope): string => {
  const found = authoring.lasts(lasting, scope);
  if (found.kind === 'ms') return duration(found.ms);
  const text = typeof lasting === 'number' ? '' : fill(authoring, lasting, scope);
  return text.includes('{{') ? text : found.message;
};
