#!/usr/bin/env node
// The command. In the repository the sources run as they are; in an installed package, where Node strips no types, what
// was built from them runs. Plain JavaScript that old versions of Node can read as well, to tell them what is missing.
import { existsSync } from "node:fs";
import { keepCompiled } from "./compile-cache.js";
import "./imports.js";
import { keepHeapLow, MALLOC } from "./memory.js";

const OLDEST_NODE = 24;

const STAYING = new Set(["serve", "worker"]);

if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  process.stderr.write(
    `error[NODE_TOO_OLD]: Holdfast needs Node ${OLDEST_NODE} or later; this is ${process.version}.\n`,
  );
  process.exitCode = 1;
} else {
  keepMemoryLow();
  keepCompiled();
  const source = new URL("../src/cli/main.ts", import.meta.url);
  const built = new URL("../dist/src/cli/main.js", import.meta.url);
  await import((existsSync(source) ? source : built).href);
}

/** For processes that stay: what a day's backups have needed at most is not kept for the rest of it. */
function keepMemoryLow() {
  keepHeapLow();
  if (!STAYING.has(process.argv[2] ?? "")) return;
  const isSet = Object.entries(MALLOC).filter(([name]) => process.env[name] !== undefined);
  // Only an allocator that has not begun yet looks at its settings. Who was forked would lose the line to his parent.
  if (
    isSet.length === 0 &&
    process.platform === "linux" &&
    process.execve !== undefined &&
    !process.connected
  ) {
    const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
    process.execve(process.execPath, again, { ...process.env, ...MALLOC });
  }
  // They are not for the programs that are started from here.
  for (const [name, value] of isSet) if (process.env[name] === value) delete process.env[name];
}
