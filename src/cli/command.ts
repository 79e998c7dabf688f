// What a command's file looks like to the program, and what the program gives it.
import type { Command } from "commander";

export interface CommandContext {
  /** Aborted by the first Ctrl-C, SIGTERM or SIGHUP: the command stops, cleans up and lets the reason be thrown. */
  readonly signal: AbortSignal;
}

/**
 * Every file under commands/ is one of these; the program loads it when the command is named. What takes long to load
 * is loaded by the action: help and completion need none of it.
 */
export interface CommandModule {
  /** Gives the command (named and described already) its options, its examples and its action. */
  define(command: Command, context: CommandContext): void;
}

/** Adds examples to a command's help: what to type, and what it does. */
export function addExamples(
  command: Command,
  examples: readonly (readonly [line: string, means: string])[],
): void {
  const lines = examples.map(([line, means]) => `  # ${means}\n  $ ${line}`);
  command.addHelpText("after", `\nExamples:\n${lines.join("\n\n")}`);
}
