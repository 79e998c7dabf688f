// Which processes there are, and which of them descend from which.
import { readdir, readFile } from "node:fs/promises";

export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  /** In ticks since the machine was started. */
  readonly startedAt: string;
  readonly isZombie: boolean;
}

export async function readProcesses(): Promise<ProcessEntry[]> {
  const names = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const entries = await Promise.all(
    names.map(async (name): Promise<ProcessEntry | undefined> => {
      const text = await readFile(`/proc/${name}/stat`, "utf8").catch(() => undefined);
      if (text === undefined) return undefined;
      // The program's name may hold spaces and brackets; what follows the last bracket does not.
      const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
      return {
        pid: Number(name),
        parent: Number(fields[1]),
        startedAt: fields[19] ?? "",
        isZombie: fields[0] === "Z",
      };
    }),
  );
  return entries.filter((entry) => entry !== undefined);
}

/** The process and all of its descendants, parents first. */
export function treeOf(pid: number, entries: readonly ProcessEntry[]): number[] {
  const children = entries.filter(({ parent, isZombie }) => parent === pid && !isZombie);
  return [pid, ...children.flatMap((child) => treeOf(child.pid, entries))];
}
