/** Authoring's door: Markdown to runbooks, parameters, expressions and templates. */
import type { Authoring, CellBody, RenderedBody, Scope } from '../engine/index.ts';
import { renderAws } from './aws.ts';
import { compile } from './compile.ts';
import { evaluate } from './evaluate.ts';
import { renderHttp } from './http.ts';
import { parseJson, writeJson } from './json.ts';
import { momentOf } from './moments.ts';
import { resolveParams } from './parameters.ts';
import { fits } from './schemas.ts';
import { render } from './templates.ts';
import { renderApprove, renderAwait, renderWait } from './waiting.ts';

export { frontMatterJsonSchema } from './frontMatterSchema.ts';

const renderBody = (
  body: CellBody,
  scope: Scope,
): { kind: 'body'; body: RenderedBody } | { kind: 'error'; message: string } => {
  switch (body.kind) {
    case 'ts':
    case 'js':
    case 'sh':
      // Nothing in it is filled in: whatever says how it is run stays with it.
      return { kind: 'body', body };
    case 'http':
      return renderHttp(body, scope);
    case 'aws':
      return renderAws(body, scope);
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
    case 'branch':
      return { kind: 'body', body };
    case 'each': {
      const found = evaluate(body.over.source, scope);
      return found.kind === 'error' ? found : { kind: 'body', body: { kind: 'each', items: writeJson(found.value) } };
    }
  }
};

export const authoring: Authoring = {
  compile,
  resolveParams,
  evaluate: ({ source, schema }, scope) =>
    schema === undefined ? evaluate(source, scope) : fits(schema, source, scope),
  render: (template, scope) => render(template, scope),
  renderBody,
  momentOf,
  parseJson,
};
