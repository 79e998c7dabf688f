// Backs a group up into a stream, for a client that takes it as it is made. Nothing of it is stored here.
import { randomUUID } from "node:crypto";
import { PassThrough, type Readable } from "node:stream";
import type { Caller } from "../auth/caller.ts";
import type { Origin } from "../auth/context.ts";
import { checkRecipients } from "../codec/age.ts";
import type { EntityGroup } from "../core/catalog.ts";
import { tarSink } from "../engine/artifact-io.ts";
import type { ArtifactEncryption } from "../engine/artifact-writer.ts";
import { backup } from "../engine/backup.ts";
import { requireAccess } from "../runs/access.ts";
import type { TransferDeps } from "./deps.ts";
import { auditTransfer } from "./transfer-audit.ts";

export interface StreamOrder {
  /** All of its entities are backed up, also those that are opt-in. */
  readonly group: EntityGroup;
  readonly encryption: ArtifactEncryption;
}

export interface BackupStream {
  /** The single-file form, no faster than it is read. It fails where the backup does; destroyed, it ends the backup. */
  readonly bytes: Readable;
  /** Resolves when nothing of the backup is going on any more, however it ended; what it failed with is logged. */
  readonly ended: Promise<void>;
}

/**
 * Resolves once the snapshot is taken and the first bytes are there: what can be refused has been refused by then, and
 * when this rejects, nothing is going on any more.
 * @param signal ends the backup within two seconds
 * @throws HoldfastError FORBIDDEN without READ of every entity, BAD_RECIPIENT, of the database; the signal's reason
 */
export async function streamBackup(
  deps: TransferDeps,
  caller: Caller,
  order: StreamOrder,
  signal: AbortSignal,
  origin: Origin = {},
): Promise<BackupStream> {
  const { group, encryption } = order;
  const entities = group.entities.map(({ name }) => name);
  requireAccess(deps.catalog, caller, entities, "READ");
  if (encryption.kind === "RECIPIENTS") checkRecipients(encryption.recipients);
  const id = randomUUID();
  const createdAt = new Date();
  const audit = await auditTransfer(
    deps,
    { noun: "backup", id, caller, origin },
    {
      entities,
      encryption: encryption.kind,
      ...(encryption.kind === "RECIPIENTS" && { recipients: encryption.recipients }),
    },
  );

  const bytes = new PassThrough();
  const begun = Promise.withResolvers<void>();
  bytes.once("readable", begun.resolve);
  const made = backup(
    {
      databaseUrl: deps.databaseUrl,
      sink: tarSink(bytes, createdAt),
      ...(deps.connections !== undefined && { connections: deps.connections }),
    },
    { artifactId: id, createdAt, entities: group.entities, encryption, signer: deps.signer },
    { signal, onProgress: () => undefined },
  );
  const ended = made.then(
    async ({ rows, sizeBytes }) => {
      bytes.end();
      await audit.succeeded("made", { rows, sizeBytes });
    },
    async (error: unknown) => {
      bytes.destroy();
      const level = signal.aborted ? "info" : "warn";
      deps.log[level]({ err: error, backup: id, group: group.name }, "a backup ended before it was whole");
      await audit.failed(error);
    },
  );
  try {
    await Promise.race([begun.promise, made]);
  } catch (error) {
    await ended;
    throw error;
  }
  return { bytes, ended };
}
