#!/usr/bin/env node
// The command. In the repository the sources run as they are; in an installed package, where Node strips no types, what
// was built from them runs. Plain JavaScript that old versions of Node can read as well, to tell them what is missing.
import { existsSync } from "node:fs";
import { setFlagsFromString } from "node:v8";

const OLDEST_NODE = 24;

if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  process.stderr.write(
    `error[NODE_TOO_OLD]: Holdfast needs Node ${OLDEST_NODE} or later; this is ${process.version}.\n`,
  );
  process.exitCode = 1;
} else {
  // Loading some thousand modules lets V8's young generation grow to its limit, where it stays: 150 MB that nothing here
  // needs, for rows never become objects.
  setFlagsFromString("--semi-space-growth-factor=1");
  const source = new URL("../src/cli/main.ts", import.meta.url);
  const built = new URL("../dist/src/cli/main.js", import.meta.url);
  await import((existsSync(source) ? source : built).href);
}
