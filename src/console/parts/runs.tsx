/** Runs as a list, each a line that leads to its page. */
import type { View } from '../api.ts';
import { instancePath, Link } from '../route.tsx';
import { ago, harmless } from '../text.ts';
import { Badge } from './badge.tsx';

/** The beginning of its parameters, without the marks of JSON where that is plain. */
export const paramsText = (params: string): string => {
  try {
    const values = Object.entries(JSON.parse(params) as Record<string, unknown>);
    return values
      .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
      .join(', ');
  } catch {
    return params;
  }
};

/** Elements say where they belong by what stands before the `~`. */
const Progress = ({ cellsDone, cells }: View) => (
  <span class="progress">
    <progress max={Math.max(cells, 1)} value={cellsDone} aria-label={`${cellsDone} of ${cells} cells done`} />
    <span aria-hidden="true">
      {cellsDone}/{cells}
    </span>
  </span>
);

export const Run = ({ view, why, nowMs }: { view: View; why?: string; nowMs: number }) => {
  const params = paramsText(view.params);
  return (
    <li class="run">
      <div class="run-state">
        <Badge status={view.status} />
      </div>
      <div class="run-what">
        <p class="run-name">
          <Link to={instancePath(view.instanceId)}>{harmless(view.instanceId)}</Link>
          <span class="quiet">
            {harmless(view.runbookId)} v{view.version}
          </span>
        </p>
        {why === undefined ? null : <p class="run-why">{harmless(why)}</p>}
        <p class="quiet small clip">
          {view.cell === null ? '' : `at ${view.cell} · `}by {harmless(view.startedBy)}
          {params === '' ? '' : ` · ${harmless(params)}`}
        </p>
      </div>
      <div class="run-time">
        <Progress {...view} />
        <span class="quiet small">{ago(view.updatedAtMs, nowMs)}</span>
      </div>
    </li>
  );
};
