// Backs up and restores directly on Holdfast's own database: no server need run, and no queue carries the work.
import { randomUUID } from "node:crypto";
import { userInfo } from "node:os";
import { recordAudit, type AuditRecord } from "../../auth/audit.ts";
import { OWN_DATABASE, selectEntities, tableLabel } from "../../core/catalog.ts";
import { HoldfastError, isHoldfastError } from "../../core/errors.ts";
import { platformCatalog } from "../../core/platform-catalog.ts";
import { tarSink } from "../../engine/artifact-io.ts";
import { backup } from "../../engine/backup.ts";
import { restoreAlone } from "../../engine/restore-alone.ts";
import { openLedger } from "../../ledger/connect.ts";
import {
  openExistingDatabase,
  openMigratedDatabase,
  type DatabaseChoice,
} from "../../runtime/own-database.ts";
import { warn } from "../failure.ts";
import type { Backend } from "./backend.ts";

export interface DirectBackend extends Backend {
  /** Writes to the audit log what the system's user has done; a failure is a warning, for the act itself is done. */
  record(act: Pick<AuditRecord, "action" | "target" | "details">): Promise<void>;
}

export interface DirectOptions {
  /** For a backup the database is opened as it is; for a restore it is made, or its tables brought up to date. */
  readonly act: "backup" | "restore";
  /** Whether each act is recorded as it is done. */
  readonly audited: boolean;
}

/** @throws HoldfastError EMBEDDED_IN_USE, EMBEDDED_FAILED, NOT_FOUND, DATABASE_UNREACHABLE */
export async function openDirectBackend(
  choice: DatabaseChoice,
  options: DirectOptions,
): Promise<DirectBackend> {
  const database = await (options.act === "backup" ? openExistingDatabase : openMigratedDatabase)(choice);
  const { url } = database;
  const databaseUrl = (name: string): string => {
    if (name === OWN_DATABASE) return url;
    throw new HoldfastError("CONFIG_INVALID", `There is no database ${name}.`);
  };
  const record: DirectBackend["record"] = (act) => writeAudit(url, { ...act, actor: actor() });

  return {
    async backUp({ selection, encryption }, stream, control) {
      const entities = selectEntities(platformCatalog, selection);
      const order = { artifactId: randomUUID(), createdAt: new Date(), entities, encryption };
      const sink = tarSink(stream, order.createdAt);
      const { manifest, ...sizes } = await backup({ databaseUrl, sink }, order, control).catch(withoutTables);
      const names = entities.map((entity) => entity.name);
      const act = {
        action: "backup.made",
        target: `backup:${order.artifactId}`,
        details: { entities: names, encryption: encryption.kind, rows: sizes.rows },
      };
      if (options.audited) await record(act);
      return {
        id: order.artifactId,
        createdAt: manifest.createdAt,
        encryption: encryption.kind,
        entities: names,
        tables: manifest.tables.map((table) => ({
          entity: table.entity,
          table: tableLabel(table),
          rows: table.rows,
        })),
        ...sizes,
      };
    },

    async restore({ input, ...command }, control) {
      const order = { runId: randomUUID(), ...command };
      const deps = { databaseUrl, catalog: platformCatalog, source: input.source };
      const result = await restoreAlone(deps, order, control, (error) =>
        warn(`what the restore had staged could not be removed: ${messageOf(error)}`),
      );
      if (command.dryRun) return result;
      const act = {
        action: "restore.applied",
        target: `restore:${order.runId}`,
        details: { mode: command.mode, rows: command.rows, changes: result.changes },
      };
      if (options.audited) await record(act);
      return result;
    },

    record,
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

async function writeAudit(url: string, record: AuditRecord): Promise<void> {
  const ledger = openLedger(url, { applicationName: "holdfast cli", maxConnections: 1 });
  try {
    await recordAudit(ledger.db, record);
  } catch (error) {
    warn(`the audit log could not be written to: ${messageOf(error)}`);
  } finally {
    await ledger.close();
  }
}

/** Who is at the command line is known to the system alone. */
function actor(): string {
  try {
    return `cli:${userInfo().username}`;
  } catch {
    return "cli";
  }
}

function withoutTables(error: unknown): never {
  if (!isHoldfastError(error, "TABLE_MISSING")) throw error;
  throw new HoldfastError("TABLE_MISSING", error.message, {
    hint: "Make Holdfast's tables, or bring them up to date: holdfast migrate.",
    cause: error,
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
