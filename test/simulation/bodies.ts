/**
 * What the cells of a simulation do: each body has one effect on the world, somewhere in the middle, and is witnessed.
 * A probe looks at the world and says whether an effect under its key has happened by now.
 */
import { allCells, type CellInput, type CellResult, limits } from '../../src/engine/index.ts';
import { withWrites } from './commits.ts';
import { underRunner } from './leases.ts';
import { freeze, type Process, pause } from './processes.ts';
import { type Begin, type Call, currentCall, facetOf, say, strikes, type World } from './world.ts';

export const inlineBytesMaxUsual = limits.outputInlineBytesMax;

const unsure: CellResult = { status: 'completed', output: '{"answer":"unsure"}' };
const wrongAnswers: CellResult[] = [
  { status: 'failed' },
  unsure,
  { status: 'unknown' },
  { status: 'completed', output: 'not JSON' },
];

const happened = (world: World, key: string): boolean =>
  [...world.facets.values()]
    .flatMap(({ begins, forgottenBegins }) => [...begins, ...forgottenBegins])
    .some((begin) => begin.key === key && begin.effectAtMs !== null);

const probe = async (world: World, process: Process, call: Call, input: CellInput): Promise<CellResult> => {
  const { step, body } = input;
  const askedAtMs = process.ports.clock.nowMs();
  if (strikes(world, 'probeUnsure', call)) return world.draw.pick(wrongAnswers);
  const done = happened(world, step.idempotencyKey);
  const said = done ? 'done' : 'not-done';
  world.probes.push({ call, instanceId: step.instanceId, key: step.idempotencyKey, about: step.seq, askedAtMs, said });
  say(world, call.id, `probe of ${step.cell} about ${step.seq} says ${said}`);
  await pause(world, process, 'crashElsewhere', `probing ${step.cell}`);
  if (body.kind === 'http') return { status: 'completed', output: JSON.stringify({ done }) };
  return { status: 'completed', output: JSON.stringify({ answer: said, output: { found: true } }) };
};

/** Looks whether the world is ready; a look may fail, and finds nothing then. */
const poll = (world: World, process: Process, call: Call, { step }: CellInput): CellResult => {
  const { instanceId, seq: about } = step;
  const { chain, version } = facetOf(world, instanceId);
  const witness = { call, instanceId, about, after: chain.length, atMs: process.ports.clock.nowMs() };
  if (world.draw.chance(0.15)) {
    const wrong = world.draw.pick(wrongAnswers);
    world.polls.push({ ...witness, ready: false, answered: wrong === unsure });
    return wrong;
  }
  const holds = allCells(version.runbook.cells).find(({ name }) => name === step.cell)?.poll?.holds;
  // Now and then it is otherwise for a moment, and back.
  const ready = world.schedule.nowMs() >= world.readyAtMs && !(holds !== undefined && world.draw.chance(0.05));
  world.polls.push({ ...witness, ready, answered: true });
  say(world, call.id, `poll of ${step.cell}: ${ready ? 'ready' : 'not yet'}`);
  return { status: 'completed', output: JSON.stringify({ ready }) };
};

const never = (message: string): CellResult => ({ status: 'never', error: { code: 'cell.late', message } });
const cut = (message: string): CellResult => ({ status: 'unknown', error: { code: 'cell.timeout', message } });

const beginning = (world: World, process: Process, call: Call, input: CellInput, calledAtMs: number): Begin => {
  const { step } = input;
  return {
    call,
    cell: step.cell,
    seq: step.seq,
    visit: step.visit,
    attempt: step.attempt,
    key: step.idempotencyKey,
    originalKey: step.originalKey,
    inputs: JSON.stringify([
      input.body,
      input.params,
      input.outputs,
      ...(input.each === undefined ? [] : [input.each]),
    ]),
    outputs: input.outputs,
    each: input.each,
    atMs: world.schedule.nowMs(),
    beganAtMs: process.ports.clock.nowMs(),
    calledAtMs,
    overAtMs:
      (world.learns ? 0 : process.offMs) +
      (input.lease === undefined ? calledAtMs + input.timeoutMs : world.schedule.nowMs() + input.lease.leftMs()),
    effectAtMs: null,
    endedAtMs: null,
    status: null,
    output: null,
    logged: '',
  };
};

/** A person decides in the very moment in which the holder, long given up, comes back with its outcome. */
const race = async (world: World, process: Process, call: Call, step: CellInput['step']): Promise<void> => {
  if (!strikes(world, 'operatorRace', call)) return;
  const { draw, schedule } = world;
  const inDoubtAtMs = step.deadlineAtMs - process.offMs + world.graceMs;
  const mine = inDoubtAtMs - 30 + draw.int(120);
  freeze(
    world,
    process,
    'operatorRace',
    Math.max(0, mine - schedule.nowMs()),
    'after its effect, until its step is in doubt',
  );
  world.rush(step.instanceId, inDoubtAtMs + Math.abs(process.offMs) + draw.int(60), step.seq);
  await pause(world, process, 'crashAfterEffect', 'thawing', 0);
};

export const createExecute =
  (world: World, process: Process) =>
  async (input: CellInput): Promise<CellResult> => {
    const call = currentCall.getStore();
    if (call === undefined) throw new Error('a cell is carried out outside of any call');
    const { step, signal, body } = input;
    const { draw, schedule } = world;
    const calledAtMs = schedule.nowMs();
    await pause(world, process, 'crashElsewhere', `before the body of ${step.cell}`);
    if (input.free === true)
      return 'code' in body && body.code === 'poll'
        ? poll(world, process, call, input)
        : probe(world, process, call, input);
    if (signal.aborted) return never('given up before it began');
    // The real executors' kill timer runs from the call: a body that did not begin by then never does.
    const wholeMs = input.timeoutMs - (schedule.nowMs() - calledAtMs);
    const leftMs = Math.min(wholeMs, input.lease?.leftMs() ?? wholeMs);
    if (leftMs <= 0) return never('no time left to begin');

    const begin = beginning(world, process, call, input, calledAtMs);
    facetOf(world, step.instanceId).begins.push(begin);
    process.children.add(begin);
    say(world, call.id, `BEGINS ${step.cell} at seq ${step.seq}`);
    const log = (text: string): void => {
      if (world.inlineBytesMax === inlineBytesMaxUsual) return;
      begin.logged += text;
      input.log('stdout', text);
    };
    log('begins\n');
    if (input.lease !== undefined) {
      const killed = await underRunner(world, process, call, { input, begin, log });
      await pause(world, process, 'crashAfterEffect', `after ${step.cell}`);
      const ended = endOf(world, call, begin, { killed, refused: false, body });
      begin.status = ended.status;
      begin.output = ended.output ?? null;
      return ended;
    }
    await pause(world, process, 'crashInCell', `in ${step.cell}`, draw.int(leftMs / 2));
    // Killed when its caller gives up or its time is over: mostly before its effect, sometimes a moment too late.
    const killed = signal.aborted && draw.chance(0.7);
    // A refusal that proves that nothing happened.
    const refused = body.kind === 'http' && draw.chance(0.12);
    // What a task commits happens with its outcome.
    if (!killed && !refused && body.kind !== 'task') {
      begin.effectAtMs = schedule.nowMs();
      say(world, call.id, `EFFECT of ${step.cell} at seq ${step.seq}`);
      await pause(world, process, 'crashAfterEffect', `after the effect of ${step.cell}`, draw.int(leftMs / 2));
    }
    log('ends\n');
    begin.endedAtMs = schedule.nowMs();
    process.children.delete(begin);
    const ended = withWrites(
      world,
      input,
      endOf(world, call, begin, { killed: killed || signal.aborted, refused, body }),
    );
    begin.status = ended.status;
    begin.output = ended.output ?? null;
    await race(world, process, call, step);
    return ended;
  };

type How = { killed: boolean; refused: boolean; body: CellInput['body'] };

const endOf = (world: World, call: Call, begin: Begin, { killed, refused, body }: How): CellResult => {
  const { draw } = world;
  if (killed) return cut('killed');
  if (strikes(world, 'unknownResult', call)) return cut('connection lost after sending');
  const good = draw.chance(0.85);
  const large = world.inlineBytesMax < inlineBytesMaxUsual && draw.chance(0.7);
  const output = JSON.stringify({ seq: begin.seq, good, ...(large ? { pad: 'x'.repeat(draw.int(600)) } : {}) });
  if (refused) return { status: 'failed', output, error: { code: 'http.status', message: 'The answer is 403.' } };
  if (body.kind !== 'task' && draw.chance(0.03)) return { status: 'completed', output: 'not JSON' };
  if (draw.chance(0.12)) {
    // An answer that leaves it open, where the method is not safe; a code cell says itself that it failed.
    const status = body.kind === 'http' && body.method !== 'GET' ? 'unknown' : 'failed';
    return { status, output, error: { code: 'cell.exit', message: 'exit 1' } };
  }
  return { status: 'completed', output };
};
