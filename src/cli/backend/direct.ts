// Backs up and restores directly on the databases: no server need run, and no queue carries the work.
import { randomUUID } from "node:crypto";
import { userInfo } from "node:os";
import { recordAudit, type AuditRecord } from "../../auth/audit.ts";
import type { Signer } from "../../codec/signature.ts";
import type { Configuration } from "../../config/file/read.ts";
import { OWN_DATABASE, selectEntities, tableLabel, type Entity } from "../../core/catalog.ts";
import { HoldfastError, isHoldfastError } from "../../core/errors.ts";
import { tarSink } from "../../engine/artifact-io.ts";
import { openArtifact } from "../../engine/artifact-reader.ts";
import { backup } from "../../engine/backup.ts";
import { restoreAlone } from "../../engine/restore-alone.ts";
import { openLedger } from "../../ledger/connect.ts";
import { checkTables } from "../../runtime/check-tables.ts";
import type { DatabaseChoice } from "../../runtime/own-database.ts";
import { warn } from "../failure.ts";
import type { Backend, RestoreCommand } from "./backend.ts";
import { createDirectDatabases } from "./own-database.ts";

export interface DirectBackend extends Backend {
  /** Writes to the audit log what the system's user has done; a failure is a warning, for the act itself is done. */
  record(act: Pick<AuditRecord, "action" | "target" | "details">): Promise<void>;
}

export interface DirectOptions {
  readonly configuration: Configuration;
  /** For a backup the database is opened as it is; for a restore it is made, or its tables brought up to date. */
  readonly act: "backup" | "restore";
  /** Signs backups; undefined: there is no key yet. */
  readonly signer: Signer | undefined;
  /** Whether each act is recorded as it is done. */
  readonly audited: boolean;
}

/** @throws HoldfastError EMBEDDED_IN_USE, EMBEDDED_FAILED, NOT_FOUND, DATABASE_UNREACHABLE */
export async function openDirectBackend(
  choice: DatabaseChoice,
  options: DirectOptions,
): Promise<DirectBackend> {
  const { configuration } = options;
  const { catalog } = configuration;
  await using opened = new AsyncDisposableStack();
  const databases = opened.use(createDirectDatabases(choice, configuration, options.act));
  const databaseUrl = (name: string): string => databases.url(name);
  const ownAlone = configuration.places.size === 0;
  // Where no file names entities, everything is in Holdfast's own database: whether it can be had is said first of all.
  if (ownAlone) await databases.openFor(catalog.entities.values());

  const record: DirectBackend["record"] = async (act) => {
    try {
      const url = await databases.ownUrlIfThere();
      if (url !== undefined) await writeAudit(url, { ...act, actor: actor() });
    } catch (error) {
      warn(`the audit log could not be written to: ${messageOf(error)}`);
    }
  };

  const checked = new Set<string>();
  /** What the file says of the entities' databases, asked of each once. */
  const check = async (entities: readonly Entity[]): Promise<void> => {
    const names = [...new Set(entities.map(({ database }) => database))].filter((name) => !checked.has(name));
    await checkTables(configuration, new Map(names.map((name) => [name, databaseUrl(name)])));
    for (const name of names) checked.add(name);
  };

  /** Those that a restore takes, as far as the catalog has them. */
  const restored = async (
    { input, unlock, entities, rows }: RestoreCommand,
    signal: AbortSignal,
  ): Promise<Entity[]> => {
    const named = entities ?? rows?.map(({ entity }) => entity);
    const held = async () => (await openArtifact(input.source, unlock, signal)).manifest.entities;
    const names = named ?? (await held()).map(({ name }) => name);
    return names.flatMap((name) => catalog.entities.get(name) ?? []);
  };

  const closing = opened.move();
  return {
    async backUp({ selection, encryption }, stream, control) {
      const entities = selectEntities(catalog, selection);
      await databases.openFor(entities);
      await check(entities);
      const { signer } = options;
      const order = { artifactId: randomUUID(), createdAt: new Date(), entities, encryption, signer };
      const sink = tarSink(stream, order.createdAt);
      const { manifest, rows, rawBytes, sizeBytes } = await backup(
        { databaseUrl, sink },
        order,
        control,
      ).catch(withoutTables);
      const names = entities.map((entity) => entity.name);
      const act = {
        action: "backup.made",
        target: `backup:${order.artifactId}`,
        details: { entities: names, encryption: encryption.kind, rows },
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
        ...{ rows, rawBytes, sizeBytes },
      };
    },

    async restore({ input, ...command }, control) {
      if (!ownAlone) await databases.openFor(await restored({ input, ...command }, control.signal));
      const order = { runId: randomUUID(), ...command };
      const deps = { databaseUrl, catalog, source: input.source };
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
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

async function writeAudit(url: string, record: AuditRecord): Promise<void> {
  const ledger = openLedger(url, { applicationName: "holdfast cli", maxConnections: 1 });
  try {
    await recordAudit(ledger.db, record);
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
  if (!isHoldfastError(error, "TABLE_MISSING") || error.details?.["database"] !== OWN_DATABASE) throw error;
  throw new HoldfastError("TABLE_MISSING", error.message, {
    hint: "Make Holdfast's tables, or bring them up to date: holdfast migrate.",
    cause: error,
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
