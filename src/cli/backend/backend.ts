// What a command asks of whatever carries out backups and restores.
import type { LockOutReason } from "../../core/lock-out.ts";
import type { Writable } from "node:stream";
import type { EncryptionKind } from "../../core/artifact.ts";
import type { Selection } from "../../core/catalog.ts";
import type { ArtifactSignature, RestoreMode, RowSelection, TableChanges } from "../../core/run.ts";
import type { Unlock } from "../../engine/artifact-reader.ts";
import type { ArtifactEncryption } from "../../engine/artifact-writer.ts";
import type { Input } from "../files/input.ts";
import type { ShownProgress } from "../terminal/progress.ts";

/** What a backup holds. */
export interface BackupReport {
  readonly id: string;
  readonly createdAt: string;
  readonly encryption: EncryptionKind;
  /** Names of entities, in the catalog's order. */
  readonly entities: readonly string[];
  readonly tables: readonly { readonly entity: string; readonly table: string; readonly rows: number }[];
  readonly rows: number;
  /** As COPY text. */
  readonly rawBytes: number;
  /** Of the artifact. */
  readonly sizeBytes: number;
  /** Where a server keeps it; left out: nowhere but in the output. */
  readonly stores?: readonly string[];
  readonly storeFailures?: readonly StoreFailure[];
}

/** A store that was to have a backup, and has it not. */
export interface StoreFailure {
  readonly store: string;
  readonly code: string;
  readonly message: string;
}

export interface BackupCommand {
  readonly selection: Selection;
  /** Of the server; left out: its default ones. */
  readonly stores?: readonly string[] | undefined;
  readonly encryption: ArtifactEncryption;
}

export interface RestoreCommand {
  readonly input: Input;
  readonly unlock: Unlock;
  /** Left out: all that the backup holds, or those that `rows` are of. */
  readonly entities?: readonly string[] | undefined;
  /** Of these entities only these rows, and what belongs to them. */
  readonly rows?: readonly RowSelection[] | undefined;
  readonly mode: RestoreMode;
  readonly dryRun: boolean;
  /** The plan of a dry run; anything else is refused with PLAN_CHANGED. */
  readonly expectPlan?: string | undefined;
  /** Of a server: restore also what nothing vouches for. */
  readonly allowUntrusted?: boolean | undefined;
  /** Of a server: restore accounts also where that locks out whoever asks. */
  readonly confirmLockOut?: boolean | undefined;
}

export interface RestoreReport {
  readonly changes: readonly TableChanges[];
  readonly plan: string;
  /** As a server knows it; left out: it is a file, and whoever has opened it knows. */
  readonly signature?: ArtifactSignature | undefined;
  /** Of a server: in what ways whoever asks would be locked out, or is. */
  readonly lockOut?: readonly LockOutReason[] | undefined;
}

/** How an act is watched and stopped; a server's phases may have names that this version does not know. */
export interface ActControl {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ShownProgress) => void;
}

/** A database, or a server that has one. */
export interface Backend extends AsyncDisposable {
  /**
   * Makes a backup and writes its single-file form as it is made. The stream stays open; when this rejects, what was written
   * of the artifact is no artifact.
   */
  backUp(command: BackupCommand, stream: Writable, control: ActControl): Promise<BackupReport>;
  /** Restores, or with `dryRun` says what restoring would do. When this rejects, the database is as it was. */
  restore(command: RestoreCommand, control: ActControl): Promise<RestoreReport>;
}
