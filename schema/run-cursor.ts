// Cursors into lists of runs, which are ordered by time and then by id. To clients they mean nothing.
import { HoldfastError } from "../src/core/errors.ts";
import { isRunId } from "../src/ledger/run-row.ts";
import type { RunPosition } from "../src/ledger/runs.ts";
import type { RunShape } from "./types/run.ts";

export function runCursor({ run }: RunShape): string {
  return positionCursor(run);
}

export function positionCursor({ createdAt, id }: RunPosition): string {
  return Buffer.from(`${createdAt.toISOString()} ${id}`).toString("base64url");
}

/** @throws HoldfastError BAD_INPUT for what `positionCursor` did not make */
export function runPosition(cursor: string | null | undefined): RunPosition | undefined {
  if (cursor === null || cursor === undefined) return undefined;
  const [at = "", id = ""] = Buffer.from(cursor, "base64url").toString().split(" ");
  const createdAt = new Date(at);
  if (isRunId(id) && !Number.isNaN(createdAt.getTime())) return { createdAt, id };
  throw new HoldfastError("BAD_INPUT", "`after` is not a cursor that this server gave.", {
    hint: "Pass an edge's cursor, or pageInfo.endCursor, as it came.",
  });
}
