// The GraphQL documents that the command line sends, with the types of what goes in and what comes out.
// A test checks every one of them against the schema.
import { z } from "zod";
import { RUN_STATUSES, type RestoreMode, type RowSelection } from "../../core/run.ts";

/** A document with the types of its variables and the shape of its answer. */
export interface Operation<Variables, Result> {
  readonly document: string;
  readonly result: z.ZodType<Result>;
  /** For the compiler alone. */
  readonly variables?: Variables;
}

const count = z.int();

export const runState = z.object({
  status: z.enum(RUN_STATUSES),
  progress: z.object({
    /** Not an enum: a newer server may have phases that this command does not know. */
    phase: z.string(),
    entity: z.string().nullable(),
    rows: count,
    rowsTotal: count.nullable(),
    bytes: count,
    bytesTotal: count.nullable(),
    percent: z.number(),
    rowsPerSecond: z.number().nullable(),
    etaSeconds: z.number().nullable(),
  }),
  error: z.object({ code: z.string(), message: z.string(), hint: z.string().nullable() }).nullable(),
  durationMs: count.nullable(),
});
/** A run as every subscription tells it. */
export type RunState = z.infer<typeof runState>;

export const backupState = runState.extend({
  rows: count.nullable(),
  rawBytes: count.nullable(),
  sizeBytes: count.nullable(),
});
export type BackupState = z.infer<typeof backupState>;

export const artifactSignature = z.object({
  authenticity: z.enum(["OWN_KEY", "TRUSTED_KEY", "RECORDED", "UNKNOWN_KEY", "UNSIGNED"]),
  publicKey: z.string().nullable(),
  keyName: z.string().nullable(),
});

export const lockOutReasons = z.array(
  z.enum(["ACCOUNT_GONE", "ACCOUNT_DISABLED", "PASSWORD_CHANGED", "PERMISSIONS_LOST", "TOKEN_GONE"]),
);

export const restoreState = runState.extend({
  lockOut: lockOutReasons.optional(),
  signature: artifactSignature.nullable().optional(),
  plan: z.string().nullable(),
  changes: z.array(
    z.object({
      entity: z.string(),
      table: z.string(),
      inserted: count,
      updated: count,
      unchanged: count,
      deleted: count,
    }),
  ),
});
export type RestoreState = z.infer<typeof restoreState>;

/** What is undefined is left out, as JSON has it. */
export interface BackupInput {
  readonly entities?: readonly string[] | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly include?: readonly string[] | undefined;
  readonly encryption?: { readonly passphrase: string } | { readonly recipients: readonly string[] };
  readonly stores?: readonly string[] | undefined;
  readonly label?: string;
}

export interface RestoreInput {
  readonly backupId: string;
  readonly entities?: readonly string[] | undefined;
  readonly rows?: readonly RowSelection[] | undefined;
  readonly mode?: RestoreMode;
  readonly unlock?: { readonly passphrase: string } | { readonly identity: string };
  readonly dryRun?: boolean;
  readonly expectPlan?: string | undefined;
  readonly allowUntrusted?: boolean | undefined;
  readonly confirmLockOut?: boolean | undefined;
}

export const LOGOUT: Operation<Record<string, never>, { logout: boolean }> = {
  document: "mutation { logout }",
  result: z.object({ logout: z.boolean() }),
};

export const LOGIN: Operation<
  { readonly username: string; readonly password: string },
  { login: { token: string; expiresAt: string } }
> = {
  result: z.object({ login: z.object({ token: z.string(), expiresAt: z.string() }) }),
  document: `mutation ($username: String!, $password: String!) {
  login(username: $username, password: $password) { token expiresAt }
}`,
};

export const START_BACKUP: Operation<
  { readonly input: BackupInput },
  { startBackup: { id: string; entities: string[] } }
> = {
  result: z.object({ startBackup: z.object({ id: z.string(), entities: z.array(z.string()) }) }),
  document: `mutation ($input: StartBackupInput!) {
  startBackup(input: $input) { id entities }
}`,
};

export const BACKUP_PROGRESS: Operation<{ readonly id: string }, { backupProgress: BackupState }> = {
  result: z.object({ backupProgress: backupState }),
  document: `subscription ($id: ID!) {
  backupProgress(id: $id) {
    status error { code message hint } durationMs
    rows rawBytes sizeBytes
    progress {
      phase entity rows rowsTotal bytes bytesTotal
      percent rowsPerSecond etaSeconds
    }
  }
}`,
};

export const START_RESTORE: Operation<{ readonly input: RestoreInput }, { startRestore: { id: string } }> = {
  result: z.object({ startRestore: z.object({ id: z.string() }) }),
  document: `mutation ($input: StartRestoreInput!) {
  startRestore(input: $input) { id }
}`,
};

export const RESTORE_PROGRESS: Operation<{ readonly id: string }, { restoreProgress: RestoreState }> = {
  result: z.object({ restoreProgress: restoreState }),
  document: `subscription ($id: ID!) {
  restoreProgress(id: $id) {
    status error { code message hint } durationMs plan lockOut
    signature { authenticity publicKey keyName }
    changes { entity table inserted updated unchanged deleted }
    progress {
      phase entity rows rowsTotal bytes bytesTotal
      percent rowsPerSecond etaSeconds
    }
  }
}`,
};
