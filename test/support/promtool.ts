// Prometheus' own tool, which says what is wrong with metrics and rules.
import { spawnSync } from "node:child_process";

/** What it says, and the code that it ends with. */
export function promtool(
  args: readonly string[],
  input = "",
): { readonly code: number | null; readonly said: string } {
  const { status, stdout, stderr, error } = spawnSync("promtool", args, { input, encoding: "utf8" });
  if (error !== undefined) throw error;
  return { code: status, said: stdout + stderr };
}
