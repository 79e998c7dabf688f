#!/usr/bin/env node
// The `holdfast` command's process root. Everything is in program.ts; here are only the process's own ends.
import { keepMemoryOutOfCoreDumps } from "./core-dumps.ts";
import { runCommandLine } from "./program.ts";

keepMemoryOutOfCoreDumps();

// `holdfast ... | head` closes the pipe early: that is the reader's choice, not a failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

process.exitCode = await runCommandLine(process.argv.slice(2));
