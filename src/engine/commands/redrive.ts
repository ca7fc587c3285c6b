/**
 * Outcomes that the store did not take in time. They wait in the failure queue (on a laptop a folder), and `redrive`
 * records them as what they are: as the outcome while the step is still open, as a note once another caller has closed it.
 */

import { AssertionError } from 'node:assert';
import type { Engine } from '../call/call.ts';
import { change } from '../call/change.ts';
import { closingOf } from '../call/journal.ts';
import type { EntryOf } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import type { By } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import { headOf } from '../model/text.ts';
import type { Unrecorded } from '../model/unrecorded.ts';
import type { View } from '../model/view.ts';

/**
 * `recorded`: as the outcome. `noted`: the step was closed by another caller, or by less than this outcome says. `known`:
 * the journal had it already.
 */
export type Redriven = { result: 'recorded' | 'noted' | 'known'; view: View };

const assertOurs = async (engine: Engine, item: Unrecorded): Promise<void> => {
  const { instanceId, about, token, outcome } = item;
  const entry = (await engine.journal.entry(instanceId, about))?.entry;
  const reserved = entry?.kind === 'reserved' ? entry : entry?.kind === 'outcome' ? entry.reserve : undefined;
  const same = (['index', 'cell', 'visit', 'attempt'] as const).every((name) => reserved?.[name] === outcome[name]);
  const byHolder = outcome.closedBy === 'holder' || (outcome.closedBy === 'policy' && outcome.status === 'unknown');
  // A reservation in it would be one without a holder.
  const ours = entry?.token === token && outcome.closes === about && outcome.reserve === undefined;
  if (same && byHolder && ours) return;
  const message = `The outcome set aside for ${instanceId} does not belong to the reservation at seq ${about}; nothing was recorded. Keep it, and look at both.`;
  throw new PawlError('request.invalid', message, { instanceId, seq: about });
};

/** A step that the rules do not allow, in a file that was not written by Pawl, or altered since. */
const refuseIllegal = (item: Unrecorded, error: unknown): never => {
  if (!(error instanceof AssertionError)) throw error;
  const message = `The outcome set aside for ${item.instanceId} is no legal step (${error.message}); nothing was recorded. Keep it, and look at its text.`;
  throw new PawlError('request.invalid', message, { instanceId: item.instanceId, seq: item.about }, error);
};

/** Whether the journal has all that the item says: of a put that landed late perhaps only the smallest form stands. */
const saysAll = (engine: Engine, closing: EntryOf<'outcome'>, { outcome }: Unrecorded): boolean => {
  const smallest = outcome.output?.kind === 'truncated' && outcome.output.head === '';
  return (
    closing.status === outcome.status &&
    (smallest || engine.canonical(closing.output) === engine.canonical(outcome.output))
  );
};

/**
 * Records an outcome from the failure queue. Doing it twice, or after the outcome's own put landed late, changes nothing.
 * @throws PawlError `instance.unknown`, `request.invalid` when it belongs to another reservation, `store.unavailable`
 */
export const redrive = async (engine: Engine, item: Unrecorded, by: By): Promise<Redriven> => {
  const { instanceId, about, outcome } = item;
  const note = `set aside ${new Date(item.atMs).toISOString()} by ${item.by.actor} (${item.by.where}), redriven`;
  const { stands, view } = await change(engine, instanceId, by, {
    open: () => assertOurs(engine, item),
    prepare: () => undefined,
    decide: ({ open }) => (open?.seq === about ? { ...outcome, note } : null),
  }).catch((error: unknown) => refuseIllegal(item, error));
  if (stands !== null) return { result: 'recorded', view };
  const closing = await closingOf(engine, instanceId, about);
  const own = closing !== undefined && (closing.token === item.token || closing.note === note);
  if (own && saysAll(engine, closing, item)) return { result: 'known', view };
  const text = headOf(engine.canonical({ ...outcome, note }), limits.noteTextCharsMax);
  const standing = await engine.journal.notes(instanceId, about);
  if (standing.some((one) => one.kind === 'fenced' && one.text === text)) return { result: 'known', view };
  await engine.journal.addNote(instanceId, {
    kind: 'fenced',
    about,
    cell: outcome.cell,
    atMs: engine.clock.nowMs(),
    by,
    text,
  });
  return { result: 'noted', view };
};
