/**
 * The gate reads the last line of the run: `N passed, N failed`, and `, N skipped` when there are any. Where PAWL_PLAIN_LINE
 * names a file it is put there instead, for whoever started us has something to say first (test/gate.ts).
 */
import { writeFileSync, writeSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

const stdout = 1;

export default class PlainLine implements Reporter {
  private line = '';

  onInit(): void {
    // At exit, because the other reporters and the teardown may still have something to say after the run.
    process.once('exit', () => {
      if (this.line === '') return;
      const file = process.env.PAWL_PLAIN_LINE;
      if (file === undefined) writeSync(stdout, `${this.line}\n`);
      else writeFileSync(file, this.line);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandled.length, skipped: 0 };
    for (const module of modules) {
      let failures = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') count.passed += 1;
        else if (state === 'failed') failures += 1;
        else count.skipped += 1;
      }
      // A file that cannot be loaded, or whose hooks break, has failed even if none of its tests has.
      count.failed += failures === 0 && module.state() === 'failed' ? 1 : failures;
    }
    this.line = `${count.passed} passed, ${count.failed} failed${count.skipped > 0 ? `, ${count.skipped} skipped` : ''}`;
  }
}
