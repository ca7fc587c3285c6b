/** Authoring's door: Markdown to runbooks, parameters, expressions and templates. */
import type { Authoring, CellBody, RenderedBody, Scope, Tasks } from '../engine/index.ts';
import { renderApprove } from './approving.ts';
import { renderAwait } from './awaiting.ts';
import { renderAws } from './aws.ts';
import { compile } from './compile.ts';
import { evaluate } from './evaluate.ts';
import { renderHttp } from './http.ts';
import { parseJson, writeJson } from './json.ts';
import { lasts } from './lasting.ts';
import { momentOf } from './moments.ts';
import { resolveParams } from './parameters.ts';
import { runsIn } from './runNames.ts';
import { fits } from './schemas.ts';
import { noTasks, renderTask } from './tasks.ts';
import { render } from './templates.ts';
import { renderWait } from './waiting.ts';

export { frontMatterJsonSchema } from './frontMatterSchema.ts';
export { withinInvocation } from './withinInvocation.ts';

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
    case 'task':
      return renderTask(body, scope);
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
    case 'run':
    case 'each': {
      const found = evaluate(body.over.source, scope);
      return found.kind === 'error' ? found : { kind: 'body', body: { kind: 'each', items: writeJson(found.value) } };
    }
  }
};

/** Of a deployment that has these tasks. */
export const authoringWith = (tasks: Tasks): Authoring => ({
  runsIn,
  compile: (source, pins) => compile(source, tasks, pins),
  resolveParams,
  evaluate: ({ source, schema }, scope) =>
    schema === undefined ? evaluate(source, scope) : fits(schema, source, scope),
  render: (template, scope) => render(template, scope),
  renderBody,
  lasts,
  momentOf,
  parseJson,
});

/** Without tasks. */
export const authoring = authoringWith(noTasks);
