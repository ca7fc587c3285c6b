/**
 * The commands' client over a running service (`pawl --url`, PAWL_URL). A command cannot tell it from the one over the
 * engine in this process; what takes longer than a call may is followed in the journal to its end.
 */
import type { AdvanceAnswer, Entry, Note, Published, Runbook, Started, View } from '../engine/index.ts';
import { gateOf, isPawlError, PawlError, statusOf } from '../engine/index.ts';
import { type AdvanceAsked, type Claim, type Client, entriesAfter, type Instance } from './client.ts';
import { type JournalPage, untilOver } from './handedOver.ts';
import type { Service } from './service.ts';
import type { SetAside } from './setAside.ts';

const pageSize = 100;

/** As the front matter says it; the service reads the document properly, and names another if this is wrong. */
const runbookIdIn = (source: string): string =>
  source.match(/^---\r?\n[\s\S]*?^runbook:[ \t]*["']?([A-Za-z0-9][A-Za-z0-9._-]{0,127})/m)?.[1] ?? 'unnamed';

export const httpClient = (service: Service, local: { setAside: SetAside }): Client => {
  const get = async <T>(path: (string | number)[], query: Record<string, string | number | undefined> = {}) =>
    (await service.call({ method: 'GET', path, query })).body as T;
  const post = async <T>(path: (string | number)[], json: unknown): Promise<T> =>
    (await service.call({ method: 'POST', path, json })).body as T;

  const journalPage = (instanceId: string, after: number): Promise<JournalPage> =>
    get(['instances', instanceId, 'journal'], { after, limit: pageSize });
  const journal = async (instanceId: string, after: number): Promise<Entry[]> =>
    (await journalPage(instanceId, after)).entries;
  const runbook = async (runbookId: string, version?: number): Promise<{ version: number; runbook: Runbook }> =>
    await get(['runbooks', runbookId, ...(version === undefined ? [] : ['versions', version])]);

  const putRunbook = async (runbookId: string, markdown: string): Promise<Published> =>
    (await service.call({ method: 'PUT', path: ['runbooks', runbookId], markdown })).body as Published;

  /** A large output comes in parts, and what did not fit into the answer about its instance comes by itself. */
  const wholeOutput = async (instanceId: string, seq: number): Promise<string> => {
    let text = '';
    for (let part = 1, parts = 1; part <= parts; part += 1) {
      const answer = await get<{ text: string; parts: number }>(['instances', instanceId, 'outputs', seq], { part });
      text += answer.text;
      parts = answer.parts;
    }
    return text;
  };

  const standsAt = async (instanceId: string): Promise<AdvanceAnswer> => {
    const { view, head, nowMs } = await get<Instance>(['instances', instanceId]);
    const cell = view.cell ?? view.runbookId;
    const stop = { kind: 'stop', result: 'deferred', cell, untilMs: nowMs, why: 'budget' } as const;
    return { stop, result: stop.result, steps: [], reserved: 0, view, state: head.state };
  };

  const move = async (
    instanceId: string,
    verb: 'advance' | 'run',
    asked: AdvanceAsked,
    signal: AbortSignal,
  ): Promise<AdvanceAnswer> => {
    const maxCells = verb === 'run' || asked.maxCells === 'all' ? Number.POSITIVE_INFINITY : (asked.maxCells ?? 1);
    const path = ['instances', instanceId, verb];
    const answered = await service.call({ method: 'POST', path, json: asked, signal }).catch(async (error: unknown) => {
      // Whoever gives up waiting ends nothing in the service: told is where it stands.
      if (!signal.aborted) throw error;
      return { status: 202, body: await standsAt(instanceId), trace: '' };
    });
    const { status, trace } = answered;
    const answer = answered.body as AdvanceAnswer;
    const { stop, view } = answer;
    if (status !== 202 || stop.result !== 'deferred' || (stop.why === 'backoff' && !signal.aborted)) return answer;
    const { runbook: compiled } = await runbook(view.runbookId, view.version);
    return await untilOver({
      answer,
      runbook: compiled,
      cell: asked.cell,
      maxCells,
      isOurs: ({ by }) => by.trace === trace,
      page: (after) => journalPage(instanceId, after),
      view: async () => (await get<Instance>(['instances', instanceId])).view,
      signal,
    });
  };

  return {
    publish: async (source) => {
      try {
        return await putRunbook(runbookIdIn(source), source);
      } catch (error) {
        const named = isPawlError(error, 'request.invalid') ? error.details.runbookId : undefined;
        if (typeof named !== 'string') throw error;
        return await putRunbook(named, source);
      }
    },
    runbook,
    start: (runbookId, asked) => post<Started>(['runbooks', runbookId, 'instances'], asked),
    advance: (instanceId, asked, signal) => move(instanceId, 'advance', asked, signal),
    run: async (instanceId, signal) => gateOf(await move(instanceId, 'run', {}, signal)),
    done: (instanceId, cell, asked) => post(['instances', instanceId, 'cells', cell, 'done'], asked),
    cancel: (instanceId, asked) => post(['instances', instanceId, 'cancel'], asked),
    verdict: (instanceId, asked) => post(['instances', instanceId, 'verdict'], asked),
    release: (instanceId, asked) => post(['instances', instanceId, 'release'], asked),
    redrive: async () => {
      const message =
        'A service records what its store did not take by itself, and believes nobody else about it: run `pawl redrive` without --url and PAWL_URL, on its tables.';
      throw new PawlError('request.invalid', message);
    },
    instance: async (instanceId) => {
      const instance = await get<Instance>(['instances', instanceId]);
      for (const cell of instance.cells) {
        if (cell.output === null && cell.outputSeq !== null)
          cell.output = await wholeOutput(instanceId, cell.outputSeq);
      }
      return instance;
    },
    standing: async (instanceId, seq) => {
      let page: JournalPage | undefined;
      const pages = async (_id: string, after: number): Promise<Entry[]> => {
        page = await journalPage(instanceId, after);
        return page.entries;
      };
      const head = (await entriesAfter({ journal: pages }, instanceId, seq - 1)).at(-1);
      if (head === undefined || page === undefined) return undefined;
      const { nowMs, deployment } = page;
      const held = head.state.ended === null && head.state.epoch < deployment.epoch;
      return { head, held, nowMs, status: statusOf(head.state, nowMs, deployment.takeoverGraceMs) };
    },
    journal,
    notes: async (instanceId, about) => {
      const notes: Note[] = [];
      let after: number | undefined;
      do {
        const query = { about, after, limit: pageSize };
        const page: { notes: Note[]; next: number | null } = await get(['instances', instanceId, 'notes'], query);
        notes.push(...page.notes);
        after = page.next ?? undefined;
      } while (after !== undefined);
      return notes;
    },
    setAside: (instanceId, seq) => local.setAside.of(instanceId, seq),
    setClaim: async (id, asked) =>
      (await service.call({ method: 'PUT', path: ['claims'], query: { id }, json: asked })).body as {
        claim: Claim;
        woken: number | null;
      },
    claim: async (id) => (await get<{ claim: Claim }>(['claims'], { id })).claim,
    claimHistory: (id, limit, before) => get(['claims', 'history'], { id, limit, before }),
    claims: (limit, next) => get(['claims'], { limit, next }),
    vote: (instanceId, cell, asked) => post(['instances', instanceId, 'cells', cell, 'votes'], asked),
    makeLink: (instanceId, cell, actor) => post(['instances', instanceId, 'cells', cell, 'links'], { actor }),
    list: ({ runbookId, ...rest }) =>
      get<{ views: View[]; next: string | null }>(['instances'], { runbook: runbookId, ...rest }),
  };
};
