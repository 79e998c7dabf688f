// Questions to the person at the terminal, asked there even when standard input and output are pipes or files.
import { closeSync, openSync } from "node:fs";
import { ReadStream, WriteStream } from "node:tty";
import password from "@inquirer/password";

/**
 * Asks for a secret at the terminal that the process belongs to. What is typed is never shown.
 * @returns undefined where there is no terminal: cron, CI, a detached process
 * @throws the signal's reason when it is aborted; an `ExitPromptError` on Ctrl-C, which reaches the prompt and not the process
 */
export async function askSecret(question: string, signal: AbortSignal): Promise<string | undefined> {
  const streams = openTerminal();
  if (streams === undefined) return undefined;
  try {
    return await password(
      {
        message: question,
        mask: false,
        toggleMask: false,
        theme: { prefix: { idle: "?", done: "?" }, style: { maskedText: "" } },
      },
      { ...streams, signal },
    );
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    // The prompt has ended the output; nothing ends the input.
    if (streams.input !== process.stdin) streams.input.destroy();
  }
}

function openTerminal(): { input: NodeJS.ReadStream; output: NodeJS.WriteStream } | undefined {
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
