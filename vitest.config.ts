import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Real processes: tests start servers, send signals and read the process's own environment.
    pool: 'forks',
    // Many tests mostly wait for processes, deadlines and a schedule: two files at a time, also on two cores.
    maxWorkers: 2,
    // Generous: two slow cores may be running three suites and a JVM at once.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
    globalSetup: ['test/support/dynamo.ts'],
    reporters: ['default', './test/support/plainLine.ts'],
  },
});
