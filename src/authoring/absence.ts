/** Why a cell that the run is past may have no output. */
import type { Interrupted } from '../engine/index.ts';
import { isEffectKind } from './kinds.ts';
import type { Piece } from './pieces.ts';
import type { NamedCell } from './surroundings.ts';
import { list } from './text.ts';

/** Why a body leaves no output, as far as its text tells: a script that does not name the file, a function without `return`. */
const outputless = (language: string, code: string): string | undefined => {
  if (language === 'sh') return /OUTPUT(?!S)/.test(code) ? undefined : 'is a script that does not name `PAWL_OUTPUT`';
  if (language !== 'ts' && language !== 'js') return undefined;
  const isOwn = /\bexport\s+default\s+(?:async\s+)?(?:function\b|\()/.test(code);
  return isOwn && !/\breturn\b|=>\s*[^{\s]/.test(code) ? 'is a function that returns nothing' : undefined;
};

/** Why a run may be past a cell that has no output. `interrupted`: what holds for cells that do not say. */
export const absenceOf = (
  { info: { language, attributes }, fence }: Piece,
  interrupted: Interrupted | undefined,
): Pick<NamedCell, 'absent' | 'skips' | 'without'> => {
  const textOf = (name: string): string | undefined => attributes.get(name)?.value?.text;
  const isOptional = attributes.has('optional') && textOf('optional') !== 'false';
  const polls = attributes.has('poll');
  const goesOn = isEffectKind(language) && !polls && (textOf('interrupted') ?? interrupted) === 'continue';
  const without = outputless(language, fence.body.text);
  const others = [
    ...(without === undefined ? [] : [without]),
    ...(isOptional ? ['may fail and is optional'] : []),
    ...(goesOn ? ['is passed when it is interrupted (`interrupted=continue`)'] : []),
    ...(polls && textOf('onTimeout') === 'continue' ? ['is passed at its time-out (`onTimeout=continue`)'] : []),
  ];
  const when = language === 'end' ? undefined : textOf('when');
  const reasons = [...(when === undefined ? [] : ['is skipped when its `when` is false']), ...others];
  if (reasons.length === 0) return {};
  const always = without === undefined ? {} : { without };
  return {
    ...always,
    absent: list(reasons),
    ...(when !== undefined && others.length === 0 ? { skips: when.trim() } : {}),
  };
};
