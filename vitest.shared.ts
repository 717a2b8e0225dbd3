import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The test set-up every package shares: tests read source (`hbnn-source`), never dist. */
export default defineConfig({
  resolve: { conditions: ['hbnn-source', 'node', 'import', 'default'] },
  ssr: { resolve: { conditions: ['hbnn-source', 'node', 'import', 'default'] } },
  test: {
    globalSetup: [fileURLToPath(new URL('./scripts/temporaryFolder.ts', import.meta.url))],
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // Only a hang should end a test: tests that start processes take long on a busy machine.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // Test files of a package share a process and its modules: TensorFlow.js and compiled Yosys take long to load.
    isolate: false,
    reporters: ['default', 'json'],
    outputFile: { json: '.vitest/report.json' },
  },
});
