// Processes of the bench's own: what they are told, what they answer, and what they take.
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { MALLOC } from "../bin/memory.js";

/** USER_HZ, which is 100 on every Linux that Node runs on. */
export const TICKS_PER_SECOND = 100;

/** Starts a file of this folder with the memory settings that `holdfast worker` has. */
export function forkAsWorker(file: string): ChildProcess {
  const settings = pathToFileURL(path.join(import.meta.dirname, "as-worker.ts")).href;
  return fork(path.join(import.meta.dirname, file), {
    execArgv: ["--import", settings],
    env: { ...process.env, ...MALLOC },
  });
}

/**
 * Starts a file of this folder, waits until it says that it is ready, and then gives it the order.
 * @param takeNote takes what the process says before its answer; says false to the answer
 * @throws where it ends without an answer
 */
export async function answerOf<Answer>(
  file: string,
  order: object,
  takeNote: (message: unknown) => boolean = () => false,
): Promise<Answer> {
  const child = forkAsWorker(file);
  const ended = once(child, "exit");
  await nextMessage(child);
  child.send(order);
  const answer = Promise.withResolvers<Answer>();
  child.on("message", (message: Answer) => {
    if (!takeNote(message)) answer.resolve(message);
  });
  child.once("exit", () => answer.reject(new Error("a process of the bench has ended")));
  const given = await answer.promise;
  await ended;
  return given;
}

/** @throws where the process ends first */
export async function nextMessage<T>(child: ChildProcess): Promise<T> {
  const message: unknown = await Promise.race([
    once(child, "message").then(([first]: unknown[]) => first),
    once(child, "exit").then(() => {
      throw new Error("a process of the bench has ended");
    }),
  ]);
  return message as T;
}

/** User and system; of a server's session too. */
export async function cpuSecondsOf({ pid }: { readonly pid?: number | undefined }): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident bytes, at most, since it was last asked. */
export async function peakBytesOf({ pid }: { readonly pid?: number | undefined }): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  // Forgets the peak so far (https://docs.kernel.org/filesystems/proc.html).
  await writeFile(`/proc/${pid}/clear_refs`, "5");
  return 1024 * Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]);
}
