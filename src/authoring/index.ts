/** Authoring's door: Markdown to runbooks, parameters, expressions and templates. */
import type { Authoring, CellBody, RenderedBody, Scope } from '../engine/index.ts';
import { compile } from './compile.ts';
import { evaluate } from './evaluate.ts';
import { renderHttp } from './http.ts';
import { parseJson } from './json.ts';
import { momentOf } from './moments.ts';
import { resolveParams } from './parameters.ts';
import { render } from './templates.ts';
import { renderApprove, renderAwait, renderWait } from './waiting.ts';

const renderBody = (
  body: CellBody,
  scope: Scope,
): { kind: 'body'; body: RenderedBody } | { kind: 'error'; message: string } => {
  switch (body.kind) {
    case 'ts':
    case 'js':
    case 'sh':
      return { kind: 'body', body: { kind: body.kind, code: body.code } };
    case 'http':
      return renderHttp(body, scope);
    case 'manual': {
      const rendered = render(body.instructions, scope);
      return rendered.kind === 'error'
        ? rendered
        : { kind: 'body', body: { kind: 'manual', instructions: rendered.text } };
    }
    case 'await':
      return renderAwait(body, scope);
    case 'approve':
      return renderApprove(body, scope);
    case 'wait':
      return renderWait(body, scope);
    case 'assert':
    case 'end':
      return { kind: 'body', body: { kind: body.kind } };
  }
};

export const authoring: Authoring = {
  compile,
  resolveParams,
  evaluate: ({ source }, scope) => evaluate(source, scope),
  render: (template, scope) => render(template, scope),
  renderBody,
  momentOf,
  parseJson,
};
