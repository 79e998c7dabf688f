// Questions to the person at the terminal, asked there even when standard input and output are pipes or files.
import { closeSync, openSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { ReadStream, WriteStream } from "node:tty";
import confirm from "@inquirer/confirm";
import password from "@inquirer/password";

/**
 * Asks for a secret at the terminal that the process belongs to. What is typed is never shown.
 * @returns undefined where there is no terminal: cron, CI, a detached process
 * @throws the signal's reason when it is aborted; an `ExitPromptError` on Ctrl-C, which reaches the prompt and not the process
 */
export async function askSecret(question: string, signal: AbortSignal): Promise<string | undefined> {
  return askAtTerminal(signal, (terminal) =>
    password(
      {
        message: question,
        mask: false,
        toggleMask: false,
        theme: { prefix: { idle: "?", done: "?" }, style: { maskedText: "" } },
      },
      { ...terminal, signal },
    ),
  );
}

/**
 * Asks for a line that may be seen.
 * @returns undefined where there is no terminal
 * @throws as {@link askSecret}
 */
export async function askLine(question: string, signal: AbortSignal): Promise<string | undefined> {
  return askAtTerminal(signal, async (terminal) => {
    const lines = createInterface({ ...terminal, historySize: 0 });
    try {
      return await lines.question(`? ${question} `, { signal });
    } catch (cause) {
      terminal.output.write("\n");
      // Ctrl-C, in the words of the other prompts.
      throw Object.assign(new Error("The prompt was interrupted.", { cause }), { name: "ExitPromptError" });
    } finally {
      lines.close();
      if (terminal.output !== process.stderr) terminal.output.end();
    }
  });
}

/**
 * Asks for a yes; what is not said is a no.
 * @returns undefined where there is no terminal
 * @throws as {@link askSecret}
 */
export async function askConfirmation(question: string, signal: AbortSignal): Promise<boolean | undefined> {
  return askAtTerminal(signal, (terminal) =>
    confirm(
      { message: question, default: false, theme: { prefix: { idle: "?", done: "?" } } },
      { ...terminal, signal },
    ),
  );
}

/** Whether there is somebody to ask. */
export function hasTerminal(): boolean {
  if (process.platform === "win32") return process.stdin.isTTY && process.stderr.isTTY;
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}

interface Terminal {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
}

async function askAtTerminal<T>(
  signal: AbortSignal,
  ask: (terminal: Terminal) => Promise<T>,
): Promise<T | undefined> {
  const terminal = openTerminal();
  if (terminal === undefined) return undefined;
  try {
    return await ask(terminal);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    // The prompt has ended the output; nothing ends the input.
    if (terminal.input !== process.stdin) terminal.input.destroy();
  }
}

function openTerminal(): Terminal | undefined {
  if (process.platform === "win32") {
    const { stdin, stderr } = process;
    return stdin.isTTY && stderr.isTTY ? { input: stdin, output: stderr } : undefined;
  }
  let read: number | undefined;
  try {
    read = openSync("/dev/tty", "r");
    return { input: new ReadStream(read), output: new WriteStream(openSync("/dev/tty", "w")) };
  } catch {
    if (read !== undefined) closeSync(read);
    return undefined;
  }
}
