/**
 * Which test runs where: vitest.config.ts makes a project of each suite, and each of the three commands runs its own.
 * CONTRIBUTING.md says what belongs in which; test/suites.test.ts fails when a test file is in none, or in two.
 */
export type Suite = {
  include: string[];
  exclude?: string[];
  /** Tests of this one get no table service, and can start no process. */
  alone?: true;
};

/** Run by `npm test`. */
const quick: Record<string, Suite> = {
  unit: {
    include: [
      'test/suites.test.ts',
      'test/{authoring,contract,engine,places}/*.test.ts',
      'test/cells/{answers,aws,ending,here,http,longLog,masking,redirects,sending,statuses}.test.ts',
      'test/chaos/{aftermath,judge}.test.ts',
      'test/cli/{draining,handedOn,history,layout,offered,plan,planEnds,reach,service,settings,typed}.test.ts',
      'test/docs/{contributing,frontMatter,load,pictures,procedures,reference,security,serving,walk}.test.ts',
      'test/failures/complete.test.ts',
      'test/hostile/table.test.ts',
      'test/infra/dependencies.test.ts',
      'test/simulation/tables.test.ts',
    ],
    alone: true,
  },
  processes: {
    include: [
      'test/walls.test.ts',
      'test/cells/{cellsAs,code,evidence,groups,holder,lease,reach,scripts,secrets,standby,sweep,task}.test.ts',
      'test/docs/deploying.test.ts',
      'test/infra/{beside,contract}.test.ts',
      'test/testing/*.test.ts',
    ],
  },
  store: { include: ['test/store/*.test.ts'] },
  handlers: { include: ['test/handlers/*.test.ts'] },
  races: { include: ['test/e2e/races.test.ts'] },
  simulation: { include: ['test/simulation/{long,simulation}.test.ts'] },
  mutants: { include: ['test/mutants/mutants.test.ts'] },
};

/** Run by `npm run test:proof`. */
const thorough: Record<string, Suite> = {
  flows: {
    include: ['test/{e2e,procedures}/*.test.ts', 'test/docs/cost.test.ts'],
    exclude: ['test/e2e/races.test.ts'],
  },
  failures: { include: ['test/failures/*.test.ts'], exclude: ['test/failures/complete.test.ts'] },
  cli: {
    include: ['test/cli/*.test.ts', 'test/docs/{runbooks,testing,tutorial}.test.ts'],
    exclude: ['test/cli/{draining,handedOn,history,layout,offered,plan,planEnds,reach,service,settings,typed}.test.ts'],
  },
  hostile: { include: ['test/hostile/*.test.ts'], exclude: ['test/hostile/table.test.ts'] },
  console: { include: ['test/console/*.test.ts'] },
  service: { include: ['test/service/*.test.ts', 'test/infra/package.test.ts'] },
  chaos: { include: ['test/chaos/{away,chaos,frozen,wire}.test.ts'] },
  further: { include: ['test/simulation/further.test.ts', 'test/mutants/withoutBatching.test.ts'] },
};

/** Run by `npm run test:package`, which asks the registry: what `npm pack` makes, installed on two versions of Node. */
const installed: Record<string, Suite> = { package: { include: ['test/package/*.test.ts'] } };

export const commands: Record<string, Record<string, Suite>> = {
  test: quick,
  'test:proof': thorough,
  'test:package': installed,
};
