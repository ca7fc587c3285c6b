/** An entry in a few words: what one wants to see of it in a trace. */
import type { Row } from '../../src/testing/tables.ts';

const progress = ({ spawned, ended, stuck }: Row): string =>
  [
    `up to ${spawned}`,
    ...(ended as Row[]).map(({ index, as }) => `${index} ${as}`),
    ...(stuck as Row[]).map(({ index, seq }) => `${index} stands at ${seq}`),
  ].join(', ');

export const wordsOf = (entry: Row): string => {
  const { kind, closedBy, then, attempt, drive, epoch } = entry;
  const permission = entry.permission as Row | null | undefined;
  const reserve = entry.reserve as Row | undefined;
  const words = [
    entry.cell,
    entry.status ?? entry.verdict,
    kind === 'vote' && `${entry.decision} by ${(entry.by as Row).actor}`,
    kind === 'holding' && `${entry.looks} in a row${entry.anew === null ? '' : `, anew: ${entry.anew}`}`,
    kind === 'outcome' && `closes ${entry.closes ?? 'nothing'}`,
    kind === 'resolved' && `about ${entry.about}`,
    closedBy !== undefined && `by ${closedBy}`,
    then !== undefined && `then ${then}`,
    permission != null && `(${permission.kind})`,
    kind === 'reserved' && `attempt ${attempt}`,
    kind === 'renewed' && `of seq ${entry.about}`,
    reserve !== undefined && `and reserves ${reserve.cell}`,
    kind === 'progress' && progress(entry),
    kind === 'ending' && `as ${entry.as}: ${entry.cells}, of which ${entry.undos} take back; stays ${entry.stays}`,
    kind === 'cancelled' && (entry.undo ? 'and takes back' : entry.stopsCleanup && 'stops its end'),
    drive !== undefined && `drive ${drive}`,
    kind === 'control' && epoch !== undefined && `epoch ${epoch}`,
  ];
  return words.filter((word) => word !== undefined && word !== false).join(' ');
};

export const summary = (entry: Row): string =>
  `${entry.seq} ${entry.kind} ${wordsOf(entry)} (${(entry.by as Row).where})`;
