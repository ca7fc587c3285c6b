/** What goes on with an instance, decides about it, ends it. */
import { limits } from '../../engine/model/index.ts';
import { advanceBody, cancelBody, doneBody, releaseBody, runBody, undoBody } from '../requests/commands.ts';
import { cellPath, instancePath, noQuery } from '../requests/parts.ts';
import { verdictBody, verdictsBody } from '../requests/verdicts.ts';
import { json, type Route } from './route.ts';

export const commandRoutes = {
  advance: {
    method: 'POST',
    path: '/instances/{instanceId}/advance',
    permission: 'operate',
    summary:
      'Advances an instance, by one cell unless the request says otherwise. 202: it goes on, look at the Location.',
    pathParameters: instancePath,
    query: noQuery,
    body: json(advanceBody, true),
  },
  run: {
    method: 'POST',
    path: '/instances/{instanceId}/run',
    permission: 'operate',
    summary: 'Sets drive `auto` and advances an instance as far as it goes; says how the whole run stands.',
    pathParameters: instancePath,
    query: noQuery,
    body: json(runBody, true),
  },
  cancel: {
    method: 'POST',
    path: '/instances/{instanceId}/cancel',
    permission: 'operate',
    summary:
      'Cancels an instance: what its runbook has for that end is gone through. 202: a step is still open, and may run until the deadline named.',
    pathParameters: instancePath,
    query: noQuery,
    body: json(cancelBody),
  },
  undo: {
    method: 'POST',
    path: '/instances/{instanceId}/undo',
    permission: 'operate',
    summary: 'Gives an instance up that stands at a known failure: what it did is taken back, the last first.',
    pathParameters: instancePath,
    query: noQuery,
    body: json(undoBody),
  },
  verdict: {
    method: 'POST',
    path: '/instances/{instanceId}/verdict',
    permission: 'decide',
    summary: 'Decides about a step in doubt or halted.',
    pathParameters: instancePath,
    query: noQuery,
    // An output of the largest size, quoted.
    body: json(verdictBody, false, limits.answerBytesMax + limits.bodyBytesMax),
  },
  verdicts: {
    method: 'POST',
    path: '/verdicts',
    permission: 'decide',
    summary:
      'Decides about many steps in doubt alike, at a rate that holds over all callers. Each is answered by itself. 429: another call has the turn.',
    pathParameters: noQuery,
    query: noQuery,
    body: json(verdictsBody, false, limits.answerBytesMax + limits.bodyBytesMax),
  },
  release: {
    method: 'POST',
    path: '/instances/{instanceId}/release',
    permission: 'decide',
    summary: 'Lets an instance go on that is held since a restore from backup.',
    pathParameters: instancePath,
    query: noQuery,
    body: json(releaseBody),
  },
  done: {
    method: 'POST',
    path: '/instances/{instanceId}/cells/{cell}/done',
    permission: 'operate',
    summary: 'Records that a `manual` cell was done, or failed.',
    pathParameters: cellPath,
    query: noQuery,
    // A file of the largest size, in base64.
    body: json(doneBody, false, Math.ceil(limits.attachmentBytesMax / 3) * 4 + limits.bodyBytesMax),
  },
} as const satisfies Record<string, Route>;
