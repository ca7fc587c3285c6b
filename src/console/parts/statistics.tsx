/** How the runs of one version went: numbers in tables, and beside each a plot that says nothing more. */
import type { BodyOf } from '../../contract/index.ts';
import { duration, harmless, plural, statusText, toneOf } from '../text.ts';

export type StatisticsData = BodyOf<'statistics'>;

const barWidth = 160;
const barHeight = 12;

const time = (ms: number | null): string => (ms === null ? '' : duration(ms));
const share = (part: number, whole: number): string => `${Math.round((part / whole) * 100)} %`;

const Ends = ({ data: { byStatus, runs } }: { data: StatisticsData }) => (
  <table>
    <caption class="hidden">Runs by where they stand</caption>
    <thead>
      <tr>
        <th scope="col">Stands</th>
        <th scope="col">Runs</th>
        <th scope="col">Of all</th>
      </tr>
    </thead>
    <tbody>
      {byStatus
        .toSorted((a, b) => b.count - a.count)
        .map(({ status, count }) => (
          <tr key={status}>
            <th scope="row">
              <span class={`badge ${toneOf(status)}`}>{statusText(status)}</span>
            </th>
            <td>{count}</td>
            <td class="plotted">
              <svg class="plot" width={barWidth} height={barHeight} aria-hidden="true">
                <rect width={(count / runs) * barWidth} height={barHeight} rx="2" class={`fill-${toneOf(status)}`} />
              </svg>
              {share(count, runs)}
            </td>
          </tr>
        ))}
    </tbody>
  </table>
);

const Cells = ({ cells }: Pick<StatisticsData, 'cells'>) => {
  const longestMs = Math.max(1, ...cells.map(({ p90Ms }) => p90Ms ?? 0));
  const at = (ms: number | null): number => ((ms ?? 0) / longestMs) * barWidth;
  return (
    <table class="cells">
      <caption class="hidden">How long cells took</caption>
      <thead>
        <tr>
          <th scope="col">Cell</th>
          <th scope="col">Median</th>
          <th scope="col">90 % within</th>
          <th scope="col">
            <span class="hidden">As a plot</span>
          </th>
          <th scope="col">Completed</th>
          <th scope="col">Failed</th>
          <th scope="col">In doubt</th>
        </tr>
      </thead>
      <tbody>
        {cells.map(({ name, medianMs, p90Ms, count, failed, doubts }) => (
          <tr key={name}>
            <th scope="row">{harmless(name)}</th>
            <td>{time(medianMs)}</td>
            <td>{time(p90Ms)}</td>
            <td class="plotted">
              <svg class="plot" width={barWidth} height={barHeight} aria-hidden="true">
                <rect y="4" width={at(p90Ms)} height={barHeight - 8} rx="2" class="fill-quiet" />
                <rect width={at(medianMs)} height={barHeight} rx="2" class="fill-live" />
              </svg>
            </td>
            <td>{count}</td>
            <td>{failed}</td>
            <td>{doubts}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
};

export const Statistics = ({ data }: { data: StatisticsData }) => {
  const { runs, atLeast, ended, completed, runTimes, journals, cells } = data;
  const { read, doubtful, cut, unreadable } = journals;
  if (runs === 0) return <p class="quiet">Version {data.version} has no run yet.</p>;
  return (
    <>
      <section class="panel" aria-label="Runs">
        <h2>Runs</h2>
        <p>
          {ended === 0
            ? 'None has ended. '
            : `${completed} of ${ended} that ended completed: ${share(completed, ended)}. `}
          {runTimes.medianMs === null
            ? ''
            : `Half took up to ${time(runTimes.medianMs)}, nine of ten up to ${time(runTimes.p90Ms)}. `}
          {doubtful} of {read} had a step in doubt.
        </p>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard */}
        <section class="scroll" tabIndex={0} aria-label="Runs by where they stand">
          <Ends data={data} />
        </section>
      </section>
      <section class="panel" aria-label="Cells">
        <h2>Cells</h2>
        {cells.length === 0 ? <p class="quiet">No cell has ended yet.</p> : null}
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard */}
        <section class="scroll" tabIndex={0} aria-label="How long cells took">
          {cells.length === 0 ? null : <Cells cells={cells} />}
        </section>
      </section>
      <p class="small quiet">
        Of {atLeast ? 'the newest ' : ''}
        {plural(runs, 'run')}; cells of the journals of the newest {read}.
        {cut === 0 ? '' : ` Of ${cut} only the beginning was read.`}
        {unreadable === 0 ? '' : ` ${unreadable} could not be read.`} What waits counts from when it began to wait.
      </p>
    </>
  );
};
