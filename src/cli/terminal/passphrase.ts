// Where a passphrase comes from: a file, the environment, or the person at the terminal. Never an argument, for the
// arguments of a process are shown to everybody on the machine and kept in the shell's history.
import { readFile, stat } from "node:fs/promises";
import { HoldfastError } from "../../core/errors.ts";
import { UsageError, warn } from "../failure.ts";
import { askSecret } from "./prompt.ts";

export interface PassphraseRequest {
  /** A new passphrase is asked for twice: a mistyped one would lock the backup for good. */
  readonly purpose: "encrypt" | "unlock";
  /** The value of `--passphrase-file`. */
  readonly file: string | undefined;
  /** The value of HOLDFAST_PASSPHRASE. */
  readonly fromEnvironment: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * The passphrase of `--passphrase-file`, else of HOLDFAST_PASSPHRASE, else as typed.
 * @throws UsageError for a file that does not hold exactly one line; HoldfastError PASSPHRASE_REQUIRED where nobody can be asked
 */
export async function obtainPassphrase(request: PassphraseRequest): Promise<string> {
  const { purpose, file, fromEnvironment, signal } = request;
  if (file !== undefined) return readSecretFile(file, "passphrase");
  if (fromEnvironment !== undefined) return fromEnvironment;

  if (purpose === "unlock") return ask("Passphrase:", signal);
  for (;;) {
    const passphrase = await ask("New passphrase:", signal);
    if (passphrase === (await ask("The same again:", signal))) return passphrase;
    warn("The two are not the same.");
  }
}

async function ask(question: string, signal: AbortSignal): Promise<string> {
  for (;;) {
    const answer = await askSecret(question, signal);
    if (answer === undefined) {
      throw new HoldfastError(
        "PASSPHRASE_REQUIRED",
        "A passphrase is needed, and there is no terminal to ask at.",
        { hint: "Set HOLDFAST_PASSPHRASE, or give --passphrase-file FILE." },
      );
    }
    if (answer !== "") return answer;
    warn("Nothing was typed.");
  }
}

/** @throws UsageError for a file that cannot be read, or does not hold exactly one line */
export async function readSecretFile(file: string, what: "passphrase" | "password"): Promise<string> {
  let text: string;
  try {
    // Others on the machine who can read the file can do what its owner can.
    if (((await stat(file)).mode & 0o077) !== 0)
      warn(`${file} can be read by other users; chmod 600 keeps it to yourself.`);
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new UsageError(
      `The ${what} file cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const [secret = "", ...rest] = text.split(/\r?\n/);
  if (secret === "" || rest.some((line) => line !== "")) {
    throw new UsageError(
      `${file} does not hold exactly one line.`,
      `Put the ${what} on one line, and nothing else.`,
    );
  }
  return secret;
}
