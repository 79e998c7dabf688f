// After `npm ci` in the repository: builds the console, so that `npm start` shows it. Where what builds it is not installed
// (--omit=dev), nothing is done; where building fails, the rest still works, and `/` leads to GraphiQL.
import { existsSync } from "node:fs";

if (existsSync(new URL("../../node_modules/vite/package.json", import.meta.url))) {
  try {
    const { buildConsole } = await import("./build.ts");
    await buildConsole();
  } catch (error) {
    process.stderr.write(
      `The console was not built: ${error instanceof Error ? error.message : String(error)}\n`,
    );
  }
}
