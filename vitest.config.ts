import { defineConfig } from 'vitest/config';
import { commands } from './test/suites.ts';

const everywhere = {
  // Real processes: tests start servers, send signals and read the process's own environment.
  pool: 'forks',
  // A bound for what hangs, and for nothing else: two slow cores may be running two suites, 64 functions and a JVM at once.
  testTimeout: 180_000,
  hookTimeout: 180_000,
  // Likewise of what is looked at again and again: a second, as vitest has it, is a matter of the machine.
  expect: { poll: { timeout: 120_000 } },
  teardownTimeout: 20_000,
} as const;

/** `pawl` and `pawl/testing` are the sources here, not what was built of them some time ago. */
const conditions = ['pawl-source', 'node', 'development|production'];

export default defineConfig({
  test: {
    // Many tests mostly wait for processes, deadlines and a schedule: two files at a time, also on two cores.
    maxWorkers: 2,
    // Once for all suites of a run: they share the table services, and where stores are kept.
    globalSetup: ['test/support/inMemory.ts', 'test/support/dynamo.ts'],
    reporters: ['default', './test/support/plainLine.ts'],
    projects: Object.values(commands)
      .flatMap((suites) => Object.entries(suites))
      .map(([name, { include, exclude = [], alone }]) => ({
        ssr: { resolve: { conditions } },
        test: {
          ...everywhere,
          name,
          include,
          exclude,
          ...(alone ? { setupFiles: ['test/support/alone.ts'], provide: { services: '' } } : {}),
        },
      })),
  },
});
