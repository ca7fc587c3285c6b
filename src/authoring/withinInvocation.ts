/** Documents as functions take them: what runs there has to end within one invocation. */
import { type Authoring, allCells, limits, type Problem } from '../engine/index.ts';
import { durationText, parseDuration } from './attributes.ts';

/** A cell that says where it is carried out may take longer: a worker there has the time. */
export const withinInvocation = (authoring: Authoring): Authoring => ({
  ...authoring,
  compile: (source) => {
    const compiled = authoring.compile(source);
    if (compiled.kind === 'problems') return compiled;
    const problems = allCells(compiled.runbook.cells).flatMap(({ name, line, timeoutMs, at }): Problem[] => {
      const why = at === undefined ? parseDuration(durationText(timeoutMs), 0, limits.cellTimeoutMsMax) : 0;
      if (typeof why === 'number') return [];
      const message = `\`timeout\`: ${why} where functions run \`${name}\`; a cell with \`at=PLACE\` has longer, at a worker there`;
      return [{ line, column: 1, message }];
    });
    return problems.length === 0 ? compiled : { kind: 'problems', problems };
  },
});
