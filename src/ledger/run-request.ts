// What runs are asked to do and come to, as the ledger keeps it.
import type { LockOutReason } from "../core/lock-out.ts";
import type { EncryptionKind } from "../core/artifact.ts";
import type {
  ArtifactSignature,
  RestoreConflict,
  RestoreMode,
  RowSelection,
  TableChanges,
  VerificationLevel,
} from "../core/run.ts";

/** What a run was asked to do, by kind; secrets are in `sealedSecret` alone. */
export interface BackupRequest {
  readonly label: string | null;
  readonly encryption: EncryptionKind;
  readonly recipients: readonly string[];
  readonly stores: readonly string[];
}
export interface RestoreRequest {
  readonly backupId: string;
  readonly mode: RestoreMode;
  /** Left out: every row that the backup holds. */
  readonly rows?: readonly RowSelection[];
  readonly dryRun: boolean;
  /** Of a dry run: how many rows of each table and kind are shown; left out: none. */
  readonly sampleRows?: number;
  readonly expectPlan: string | null;
  /** Whether what nothing vouches for is restored all the same. Left out: false. */
  readonly allowUntrusted?: boolean;
  /** Whether it may lock its requester out. Left out: false. */
  readonly confirmLockOut?: boolean;
  /** Of the token that it was asked for with; left out: a session. */
  readonly tokenId?: string;
  /** Where it was asked for from, where something secret came with it; left out: not known. */
  readonly address?: string;
}
export interface VerificationRequest {
  readonly backupId: string;
  readonly level: VerificationLevel;
  /** Nobody is there to give a key: without one it goes as deep as it can. Left out: false. */
  readonly unattended?: boolean;
  /** As of a restore. */
  readonly address?: string;
}
export interface RestoreOutcome {
  readonly changes: readonly TableChanges[];
  /** null: it failed over its conflicts. */
  readonly plan: string | null;
  /** In what ways it locks its requester out, or would; left out: in none. */
  readonly lockOut?: readonly LockOutReason[];
  /** What stood in its way, at most so many as a person reads. */
  readonly conflicts?: readonly RestoreConflict[];
  /** Left out: by a version that did not look. */
  readonly signature?: ArtifactSignature;
}
