/** Whether a run in a list asks who looks: judged as the engine judges a vote, by what a list knows. */
import { type BodyOf, whyNoVote } from '../../contract/index.ts';

type View = BodyOf<'listInstances'>['views'][number];
type Body = BodyOf<'version'>['runbook']['cells'][number]['body'];
type ApproveBody = Extract<Body, { kind: 'approve' }>;

/** Whom an approval asks: as its runbook says, where that is not filled in; a view has the names, cut after 48 bytes. */
const askedBy = ({ approvers, groups }: ApproveBody, { waitsFor }: Pick<View, 'waitsFor'>) => {
  if ([...approvers, ...groups].flat().every((part) => typeof part === 'string'))
    return { approvers: approvers.map((one) => one.join('')), groups: groups.map((one) => one.join('')) };
  const names = (waitsFor ?? '').split(', ');
  return {
    approvers: names,
    groups: names.flatMap((name) => (name.startsWith('group ') ? [name.slice('group '.length)] : [])),
  };
};

/**
 * Who started the runs that it continues, and a starter of a very long name, its page alone knows.
 * @param body of the cell that it stands at
 */
export const asks = (
  view: Pick<View, 'waitsFor' | 'startedBy'>,
  body: Body | undefined,
  me: { actor: string; groups: string[] },
): boolean =>
  body?.kind === 'approve' &&
  whyNoVote({ ...askedBy(body, view), self: body.self }, [view.startedBy], me) === undefined;
