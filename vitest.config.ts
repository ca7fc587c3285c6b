import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/dynamo.ts'],
    // Processes, not threads: tests kill, freeze and signal.
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 40_000,
    reporters: ['default', './test/support/plainLine.ts'],
  },
});
