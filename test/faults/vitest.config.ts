// The long tests: faults in everything that Holdfast stands on. `npm run test:faults` runs them, and `npm test` does not.
import { defineConfig } from "vitest/config";
import base from "../../vitest.config.ts";

export default defineConfig({
  // The rig brings servers of its own: none is shared with other tests.
  test: { ...base.test, include: ["test/faults/**/*.test.ts"], exclude: [], globalSetup: [] },
});
