/** A template filled in with parameters alone, as `at=` is. The parser of expressions is loaded by the first that needs it. */
import type { Template } from '../engine/index.ts';

/** @returns `null`: it cannot be filled in */
export const renderParams = async (template: Template, params: Record<string, unknown>): Promise<string | null> => {
  const { authoring } = await import('../authoring/index.ts');
  const rendered = authoring.render(template, { params, outputs: {}, step: {} });
  return rendered.kind === 'text' ? rendered.text : null;
};
