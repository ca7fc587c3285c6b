/** Calls of a running service, on this machine or on AWS. */
import { answersOf } from '../../contract/answering.ts';
import { type OperationName, operations, type Route, segmentsOf } from '../../contract/index.ts';
import type { Transport } from '../client.ts';
import { assertAnswer } from '../noService.ts';
import type { Service } from '../service.ts';

/** Evidence stays as it was given. */
const aboutClaims = new Set<OperationName>(['claims', 'setClaim', 'claimHistory']);

export const overHttp =
  (service: Service): Transport =>
  async (name, { path = {}, query = {}, body }, signal) => {
    const { method, body: taken }: Route = operations[name];
    const request = {
      method,
      path: segmentsOf(name, { ...path }),
      query: { ...query },
      ...(taken?.media === 'text/markdown' ? { markdown: String(body) } : { json: body }),
      ...(aboutClaims.has(name) ? { asWritten: true } : {}),
      ...(signal === undefined ? {} : { signal }),
    };
    try {
      const { status, body: answer, trace } = await service.call(request);
      assertAnswer(service.url, { status, body: answer }, answersOf[name]);
      return { status, body: answer, isOurs: (by) => by.trace === trace };
    } catch (error) {
      // A caller that gives up waiting ends nothing in the service.
      if (signal?.aborted) return undefined;
      throw error;
    }
  };
