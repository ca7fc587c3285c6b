/** The kinds of cells, and which attributes each of them takes. */
import { type CellKind, limits } from '../engine/index.ts';
import { type Position, quote, type Report, suggest } from './text.ts';

/** What a fence can be; the others are headings. */
export type FenceKind = Exclude<CellKind, 'branch' | 'each'>;
export const kinds: readonly FenceKind[] = [
  'ts',
  'js',
  'sh',
  'http',
  'aws',
  'task',
  'assert',
  'manual',
  'await',
  'approve',
  'wait',
  'end',
  'run',
];
const laterKinds: readonly string[] = ['lambda'];
export const probeKinds = ['ts', 'js', 'sh', 'http', 'aws'] as const;
/** What can take back: whatever may have effects. */
export const undoKinds = [...probeKinds, 'task', 'manual'] as const;
export type ProbeKind = (typeof probeKinds)[number];

export const isKind = (language: string): language is FenceKind => (kinds as readonly string[]).includes(language);
export const isProbeKind = (language: string): language is ProbeKind =>
  (probeKinds as readonly string[]).includes(language);

/** Kinds that are reserved, and carried out. */
export const isEffectKind = (language: string): language is ProbeKind | 'task' =>
  language === 'task' || isProbeKind(language);

export const isUndoKind = (language: string): language is (typeof undoKinds)[number] =>
  (undoKinds as readonly string[]).includes(language);

const otherNames: Readonly<Record<string, CellKind>> = {
  typescript: 'ts',
  javascript: 'js',
  bash: 'sh',
  shell: 'sh',
  zsh: 'sh',
  curl: 'http',
};

/** Says that a kind is unknown, or that it is known but not yet. */
export const refuseKind = (language: string, at: Position, report: Report): void => {
  if (laterKinds.includes(language))
    return report(at, `\`${language}\` cells arrive in a later version of Pawl; this one cannot be published yet`);
  if (language === 'cel')
    return report(
      at,
      'a `cel` fence holds the expectations of a cell: write `cel { expect=<cell> }`, or `assert { name=… }` for a cell of its own',
    );
  const other = Object.hasOwn(otherNames, language) ? otherNames[language] : undefined;
  const hint =
    other !== undefined
      ? `; did you mean \`${other}\`?`
      : suggest(language, kinds) || `; there are ${kinds.join(', ')}`;
  report(at, `unknown kind of cell ${quote(language)}${hint}`);
};

const effectAttributes = [
  ...(['name', 'timeout', 'retry', 'retryOn', 'interrupted', 'settle', 'keyWindow', 'when', 'optional'] as const),
  ...(['poll', 'within', 'onTimeout', 'holds', 'times'] as const),
  'at',
] as const;
const httpAttributes = ['escape', 'failedOn', 'unknownOn', 'cookies', 'redirects', 'sigv4', 'role'] as const;
const awsAttributes = ['service', 'action', 'region', 'role', 'failedOn', 'unknownOn'] as const;
/** Not of `aws`: what its services are told stands in their records. */
export const secretAttributes = ['uses'] as const;
export const codeAttributes = ['programs', 'env'] as const;
const scriptAttributes = ['errexit', 'shell'] as const;
const taskAttributes = ['task'] as const;
/** Of what only looks, and so is repeated. */
const pollAttributes: readonly string[] = ['poll', 'within', 'onTimeout', 'holds', 'times'];
const waitAttributes = {
  await: ['timeout', 'onTimeout'],
  approve: ['approvers', 'groups', 'quorum', 'self', 'expires', 'default', 'onReject', 'shows'],
  wait: ['for', 'until', 'cron', 'tz'],
} as const;
type Waits = keyof typeof waitAttributes;
/** As at the heading of a section. */
const runAttributes = ['each', 'as', 'max', 'stopAfter', 'within', 'output'] as const;
/** What stands in the place of its name, where a cell takes another back. */
const undoAttributes = ['undo', 'of'] as const;
export type CellAttribute =
  | (typeof effectAttributes)[number]
  | (typeof httpAttributes)[number]
  | (typeof secretAttributes)[number]
  | (typeof codeAttributes)[number]
  | (typeof awsAttributes)[number]
  | (typeof scriptAttributes)[number]
  | (typeof taskAttributes)[number]
  | (typeof waitAttributes)[Waits][number]
  | (typeof undoAttributes)[number]
  | (typeof runAttributes)[number]
  | 'as';

/** What a cell of the kind may say in its braces. */
export const attributesOf = (kind: CellKind): readonly CellAttribute[] => {
  if (isProbeKind(kind)) {
    if (kind === 'http') return [...effectAttributes, ...secretAttributes, ...httpAttributes];
    if (kind === 'aws') return [...effectAttributes, ...awsAttributes];
    return [...effectAttributes, ...secretAttributes, ...codeAttributes, ...(kind === 'sh' ? scriptAttributes : [])];
  }
  if (kind === 'task')
    return [
      ...effectAttributes.filter((name) => !pollAttributes.includes(name)),
      ...secretAttributes,
      ...taskAttributes,
    ];
  if (kind === 'end') return ['name', 'when', 'as'];
  if (kind === 'run') return ['name', 'when', ...runAttributes];
  return ['name', 'when', 'optional', ...(kind in waitAttributes ? waitAttributes[kind as Waits] : [])];
};

const notOfUndo: readonly string[] = ['name', 'when', 'optional', 'poll', 'within', 'onTimeout', 'holds', 'times'];

/** What a cell that takes another back may say. It is never passed over. */
export const undoAttributesOf = (kind: CellKind): readonly CellAttribute[] => [
  ...undoAttributes,
  ...attributesOf(kind).filter((name) => !notOfUndo.includes(name)),
];

/** What a probe may say beside the name of its cell. */
export const probeAttributesOf = (kind: ProbeKind) => {
  if (kind === 'http')
    return ['timeout', 'done', 'notDone', 'escape', 'cookies', 'redirects', 'sigv4', 'role'] as const;
  if (kind === 'aws') return ['timeout', 'done', 'notDone', 'service', 'action', 'region', 'role'] as const;
  return kind === 'sh' ? (['timeout', ...scriptAttributes] as const) : (['timeout'] as const);
};

/** The longest time-out of one question of a kind: what only waits for an answer gets less. */
export const timeoutMsMax = (kind: CellKind): number =>
  kind === 'http' || kind === 'aws' ? limits.remoteTimeoutMsMax : limits.cellTimeoutMsMax;
