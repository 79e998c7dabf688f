// How a failed command ends: `error[CODE]: message` and a hint on standard error, and an exit code.
import type { Command } from "commander";
import { ERRORS, isHoldfastError } from "../core/errors.ts";
import { outageOf } from "../ledger/outage.ts";
import { paint } from "./terminal/paint.ts";

const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

/** A command line that cannot be meant: options that exclude each other, a value that is no value. Ends with exit code 2. */
export class UsageError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.name = "UsageError";
    this.hint = hint;
  }
}

/**
 * Says on standard error what went wrong.
 * @param interruptedCode the exit code if the command was interrupted, which then explains whatever it threw
 * @returns the exit code
 */
export function reportFailure(thrown: unknown, interruptedCode: number | undefined): number {
  const error = outageOf(thrown) ?? thrown;
  if (interruptedCode !== undefined || isInterruptedPrompt(error)) {
    printError("CANCELLED", "Interrupted.", ERRORS.CANCELLED.hint);
    return interruptedCode ?? 130;
  }
  if (error instanceof UsageError) {
    printError("USAGE", error.message, error.hint);
    return EXIT_USAGE;
  }
  if (isHoldfastError(error)) {
    printError(error.code, error.message, error.hint);
    return EXIT_FAILED;
  }
  printError(
    "INTERNAL",
    error instanceof Error ? error.message : String(error),
    "This is a fault of Holdfast's own. Please report it, with these lines:",
  );
  console.error(error);
  return EXIT_FAILED;
}

/**
 * Says what is wrong with the command line, in Commander's words.
 * @param message as Commander throws it: `error: unknown option '--foo'`, then perhaps `(Did you mean --food?)`
 */
export function reportUsage(message: string, command: Command): number {
  const [first = "", ...rest] = message.split("\n");
  const suggestion = rest.join(" ").replace(/^\((.*)\)$/, "$1");
  const names: string[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) names.unshift(at.name());
  const help = `See ${names.join(" ")} --help.`;
  printError("USAGE", first.replace(/^error: /, ""), suggestion === "" ? help : `${suggestion} ${help}`);
  return EXIT_USAGE;
}

/** Something that does not stop the command. */
export function warn(message: string): void {
  process.stderr.write(`${paint(process.stderr, "yellow", "warning:")} ${message}\n`);
}

function printError(code: string, message: string, hint: string | undefined): void {
  const label = paint(process.stderr, ["bold", "red"], `error[${code}]:`);
  process.stderr.write(`${label} ${message}\n`);
  if (hint !== undefined) process.stderr.write(`${paint(process.stderr, "bold", "hint:")} ${hint}\n`);
}

/** Ctrl-C at a prompt reaches the prompt, for the terminal sends no signals then. */
function isInterruptedPrompt(error: unknown): boolean {
  return error instanceof Error && error.name === "ExitPromptError";
}
