// Restores a file that a client has handed over, and waits for.
import { randomUUID } from "node:crypto";
import type { Caller } from "../auth/caller.ts";
import type { Origin } from "../auth/context.ts";
import type { EntityGroup } from "../core/catalog.ts";
import type { RestoreMode, RowSelection } from "../core/run.ts";
import { tarSource } from "../engine/artifact-io.ts";
import type { Unlock } from "../engine/artifact-reader.ts";
import type { RestoreResult } from "../engine/restore.ts";
import { restoreAlone } from "../engine/restore-alone.ts";
import { requireAccess } from "../runs/access.ts";
import type { TransferDeps } from "./deps.ts";
import { auditTransfer } from "./transfer-audit.ts";

export interface FileRestore {
  /** What the file may hold: some of the group's entities, or all of them. */
  readonly group: EntityGroup;
  readonly mode: RestoreMode;
  /** Of these entities only these rows, and what belongs to them, and nothing of the others; not with REPLACE. */
  readonly rows?: readonly RowSelection[] | undefined;
  readonly dryRun: boolean;
  /** The plan of a dry run: a restore that would do anything else is refused. */
  readonly expectPlan?: string | undefined;
  readonly unlock: Unlock;
}

/**
 * Applies the single-file artifact at a path, all of it or nothing.
 * @param signal ends it within two seconds, and nothing is changed then, unless it had been applied before
 * @throws HoldfastError FORBIDDEN without WRITE of every entity of the group, FOREIGN_CONTENTS for a file that holds another,
 *   and all that the engine's `restore` throws
 */
export async function restoreFile(
  deps: TransferDeps,
  caller: Caller,
  path: string,
  order: FileRestore,
  signal: AbortSignal,
  origin: Origin = {},
): Promise<RestoreResult> {
  const { group, ...choice } = order;
  const entities = group.entities.map(({ name }) => name);
  requireAccess(deps.catalog, caller, entities, "WRITE");
  const runId = randomUUID();
  const audit = await auditTransfer(
    deps,
    { noun: "restore", id: runId, caller, origin },
    { group: group.name, mode: choice.mode, rows: choice.rows, dryRun: choice.dryRun },
  );
  try {
    const source = await tarSource(path);
    try {
      const result = await restoreAlone(
        {
          databaseUrl: deps.databaseUrl,
          catalog: deps.catalog,
          source,
          ...(deps.connections !== undefined && { connections: deps.connections }),
        },
        { runId, within: entities, ...choice },
        { signal, onProgress: () => undefined },
        (error, database) => {
          deps.log.warn({ err: error, runId, database }, "what a restore had staged could not be removed");
        },
      );
      await audit.succeeded(choice.dryRun ? "previewed" : "applied", { changes: result.changes });
      return result;
    } finally {
      await source.close();
    }
  } catch (error) {
    await audit.failed(error);
    throw error;
  }
}
