import { availableParallelism } from "node:os";
import path from "node:path";
import { defineConfig } from "vitest/config";
import { LongFirst } from "./test/sequencer.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // They are long, and have a configuration of their own: npm run test:faults.
    exclude: ["test/faults/**"],
    globalSetup: ["test/setup.ts"],
    sequence: { sequencer: LongFirst },
    // Node runs the files itself, types stripped: what is tested is what runs, and graphql is loaded only once.
    experimental: { viteModuleRunner: false },
    pool: "forks",
    // As the command starts: bin/holdfast.js. The flag as a flag: what V8 compiles with others is kept apart (NODE_COMPILE_CACHE).
    execArgv: ["--semi-space-growth-factor=1", "--import", path.join(import.meta.dirname, "bin/imports.js")],
    // Many tests wait for servers, workers and timers most of the time.
    maxWorkers: 1 + Math.max(2, availableParallelism()),
    // For tests that start servers and kill workers; a test that merely computes is done in milliseconds anyway.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
  },
});
