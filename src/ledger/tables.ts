// Holdfast's own record of what happened, in the schema `holdfast` of its own database. Nothing here is backed up.
import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgSchema,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import type { EncryptionKind } from "../core/artifact.ts";
import type { Selection } from "../core/catalog.ts";
import type { Notice } from "../core/notice.ts";
import type { Retention } from "../core/retention.ts";
import { RUN_STATUSES, type Progress, type VerificationOutcome } from "../core/run.ts";
import type { BackupRequest, RestoreOutcome, RestoreRequest, VerificationRequest } from "./run-request.ts";

export const holdfast = pgSchema("holdfast");

export const runKind = holdfast.enum("run_kind", ["BACKUP", "RESTORE", "VERIFICATION"]);
export const runStatus = holdfast.enum("run_status", RUN_STATUSES);

/** To the millisecond, which is what a JavaScript date holds: so a time that was read finds its row again. */
const at = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });

/** One row: which Holdfast this is, so that several may share one Redis. Made when it is first asked for. */
export const installation = holdfast.table(
  "installation",
  {
    only: boolean().primaryKey().default(true),
    id: uuid().notNull().defaultRandom(),
  },
  (table) => [check("installation_has_one_row", sql`${table.only}`)],
);

/** When what is backed up, where to, and how long it stays. */
export const schedules = holdfast.table(
  "schedules",
  {
    id: uuid().primaryKey().defaultRandom(),
    name: text().notNull(),
    /** As src/core/cron.ts reads it, in the time zone. */
    cron: text().notNull(),
    /** An IANA name; retention's days, weeks, months and years begin in it, too. */
    timeZone: text("time_zone").notNull(),
    /** As it was asked for, so that an entity that joins a group is backed up with it. */
    selection: jsonb().$type<Selection>().notNull(),
    /** Empty: not encrypted. */
    recipients: text().array().notNull(),
    stores: text().array().notNull(),
    /** null: everything stays. */
    retention: jsonb().$type<Retention>(),
    enabled: boolean().notNull(),
    /** When the drill of its newest backup is due, as `cron` is; null: never by itself. */
    drillCron: text("drill_cron"),
    createdBy: text("created_by"),
    createdAt: at("created_at").notNull().defaultNow(),
    updatedAt: at("updated_at").notNull().defaultNow(),
    /** Up to when its times are settled: a time after this is still to be started, once, however many were missed. */
    settledUntil: at("settled_until").notNull().defaultNow(),
    drillsSettledUntil: at("drills_settled_until").notNull().defaultNow(),
    /** The end of the last backup that retention was applied after; null: of none yet. */
    retainedUntil: at("retained_until"),
  },
  (table) => [uniqueIndex("schedules_name").on(table.name)],
);

/** One backup, restore or verification. Written before its job, and changed before its change is announced. */
export const runs = holdfast.table(
  "runs",
  {
    id: uuid().primaryKey().defaultRandom(),
    kind: runKind().notNull(),
    status: runStatus().notNull().default("QUEUED"),
    entities: text().array().notNull(),
    request: jsonb().$type<BackupRequest | RestoreRequest | VerificationRequest>().notNull(),
    outcome: jsonb().$type<RestoreOutcome | VerificationOutcome>(),
    progress: jsonb().$type<Progress>().notNull(),
    /** A passphrase or identity, sealed with the server's key; null in every final state. */
    sealedSecret: text("sealed_secret"),
    /** What other workers need for pieces of it, sealed likewise; null unless an attempt is under way. */
    peerSecret: text("peer_secret"),
    /** The account's id as text and its name then: neither refers to an account that a restore may replace. */
    requestedById: text("requested_by_id"),
    requestedBy: text("requested_by"),
    /** Of the request that has started the run, to find its lines in the logs; null: no request has. */
    requestId: text("request_id"),
    idempotencyKey: text("idempotency_key"),
    /** The schedule that started the backup (or the drill); null: somebody did. */
    scheduleId: uuid("schedule_id").references(() => schedules.id, { onDelete: "set null" }),
    /** The time of the schedule that the run is for: one run for each, whichever server starts it. */
    dueAt: at("due_at"),
    /** Counts the workers that took the run up; one that holds an older number has lost it. */
    attempt: integer().notNull().default(0),
    /** Counts the attempts that ended badly (a worker lost, a failure worth a retry); those given back do not count. */
    failedAttempts: integer("failed_attempts").notNull().default(0),
    /** What an attempt has begun and may leave behind: the id of a backup's artifact, or of a restore; null: nothing. */
    unfinishedId: uuid("unfinished_id"),
    /** Counts the changes that are announced: a listener that has seen a revision need not look at it again. */
    revision: integer().notNull().default(0),
    cancelRequestedAt: at("cancel_requested_at"),
    /** When the run was last known to be carried: by its worker while it is RUNNING, by a job while it is QUEUED. */
    heartbeatAt: at("heartbeat_at").notNull().defaultNow(),
    errorCode: text("error_code"),
    errorMessage: text("error_message"),
    errorHint: text("error_hint"),
    createdAt: at("created_at").notNull().defaultNow(),
    startedAt: at("started_at"),
    finishedAt: at("finished_at"),
    /** When it was decided whom to tell how the run ended; null: not yet. */
    consideredAt: at("considered_at"),
  },
  (table) => [
    index("runs_unconsidered")
      .on(table.finishedAt)
      .where(sql`${table.finishedAt} is not null and ${table.consideredAt} is null`),
    index("runs_kind_created").on(table.kind, table.createdAt.desc(), table.id.desc()),
    index("runs_unfinished")
      .on(table.heartbeatAt)
      .where(sql`${table.finishedAt} is null`),
    index("runs_finished").on(table.finishedAt),
    index("runs_remains")
      .on(table.id)
      .where(sql`${table.unfinishedId} is not null`),
    check(
      "runs_final_is_finished",
      sql`(${table.finishedAt} is null) = (${table.status} in ('QUEUED', 'RUNNING'))`,
    ),
    check("runs_final_has_no_secret", sql`${table.finishedAt} is null or ${table.sealedSecret} is null`),
    check("runs_resting_has_no_peer_secret", sql`${table.status} = 'RUNNING' or ${table.peerSecret} is null`),
    uniqueIndex("runs_due")
      .on(table.scheduleId, table.kind, table.dueAt)
      .where(sql`${table.dueAt} is not null`),
    index("runs_schedule").on(table.scheduleId, table.createdAt.desc()),
    uniqueIndex("runs_idempotency")
      .on(table.requestedById, table.kind, table.idempotencyKey)
      .where(sql`${table.idempotencyKey} is not null`),
  ],
);

/** What a table of an artifact holds, kept here so that lists need not open artifacts. */
export interface ArtifactContent {
  readonly entity: string;
  readonly table: string;
  readonly rows: number;
  readonly rawBytes: number;
}

/** A store that did not take a backup that another one has. */
export interface StoreFailure {
  readonly store: string;
  readonly code: string;
  readonly message: string;
  /** Whether something of the backup may still lie there, to be deleted once the store can be reached. */
  readonly hasRemains?: boolean;
}

/** How the ledger came to know an artifact: a run of its own, an upload, or a look at what a store holds. */
export const artifactOrigin = holdfast.enum("artifact_origin", ["MADE", "IMPORTED", "FOUND"]);

/** The immutable result of a backup. */
export const artifacts = holdfast.table(
  "artifacts",
  {
    /** The id in the artifact's own header, and its prefix in every store. */
    id: uuid().primaryKey(),
    runId: uuid("run_id")
      .notNull()
      .references(() => runs.id, { onDelete: "cascade" }),
    encryption: text().$type<EncryptionKind>().notNull(),
    stores: text().array().notNull(),
    contents: jsonb().$type<ArtifactContent[]>().notNull(),
    sizeBytes: bigint("size_bytes", { mode: "number" }).notNull(),
    rawBytes: bigint("raw_bytes", { mode: "number" }).notNull(),
    rows: bigint({ mode: "number" }).notNull(),
    /** The stores that the backup was to be in as well, and why it is not. */
    failedStores: jsonb("failed_stores").$type<StoreFailure[]>().notNull().default([]),
    origin: artifactOrigin().notNull().default("MADE"),
    /**
     * SHA-256 of the manifest as stored: it commits to every row, and another key leaves it as it is. null: made by a version that
     * did not note it down, and not looked at since.
     */
    manifestSha256: text("manifest_sha256"),
    /** The public key that it was signed with when it was last looked at; null: it was not signed. */
    signedBy: text("signed_by"),
    pinned: boolean().notNull().default(false),
    createdAt: at("created_at").notNull().defaultNow(),
    /** Set before anything is deleted, so that the deleting is finished even after a crash. */
    deletionRequestedAt: at("deletion_requested_at"),
    /** When the last of its stores had nothing of it any more. */
    deletedAt: at("deleted_at"),
    deletedBy: text("deleted_by"),
  },
  (table) => [
    uniqueIndex("artifacts_run").on(table.runId),
    index("artifacts_to_delete")
      .on(table.deletionRequestedAt)
      .where(sql`${table.deletionRequestedAt} is not null and ${table.deletedAt} is null`),
  ],
);

/** The public keys of those whose backups are taken for what they say they are. */
export const trustedKeys = holdfast.table("trusted_keys", {
  /** As in an artifact's index. */
  publicKey: text("public_key").primaryKey(),
  /** For people. */
  name: text().notNull(),
  /** Whether this installation signs with it, or has done so before its secret was another one. */
  own: boolean().notNull().default(false),
  /** The account's name; null: the installation itself. */
  trustedBy: text("trusted_by"),
  trustedAt: at("trusted_at").notNull().defaultNow(),
});

/** Who reads an artifact outside of any run, as a download does: meanwhile it is not deleted. */
export const artifactReaders = holdfast.table(
  "artifact_readers",
  {
    id: uuid().primaryKey().defaultRandom(),
    artifactId: uuid("artifact_id")
      .notNull()
      .references(() => artifacts.id, { onDelete: "cascade" }),
    /** Moved on while it reads, so that one whose process has died is not waited for. */
    expiresAt: at("expires_at").notNull(),
  },
  (table) => [index("artifact_readers_artifact").on(table.artifactId)],
);

/** Sign-ins: a session token names its row here, so that it can be ended before it expires. */
export const sessions = holdfast.table(
  "sessions",
  {
    id: uuid().primaryKey().defaultRandom(),
    /** `platform.users.id` as text; no foreign key, for a restore may replace the account. */
    userId: text("user_id").notNull(),
    createdAt: at("created_at").notNull().defaultNow(),
    expiresAt: at("expires_at").notNull(),
    endedAt: at("ended_at"),
  },
  (table) => [index("sessions_user").on(table.userId)],
);

/** When a personal access token was last used: not beside the token, for a use is no change to what a backup holds. */
export const tokenUses = holdfast.table("token_uses", {
  /** `platform.tokens.id`; no foreign key, for a restore may replace the token. */
  tokenId: uuid("token_id").primaryKey(),
  lastUsedAt: at("last_used_at").notNull(),
});

/** How often something was tried that may be tried so often only: for all servers of one installation. */
export const throttles = holdfast.table(
  "throttles",
  {
    /** A keyed hash of what is counted: what somebody typed for a name is not to be read here. */
    key: text().primaryKey(),
    attempts: integer().notNull(),
    /** From then on it is as if nothing had been counted. */
    endsAt: at("ends_at").notNull(),
  },
  (table) => [index("throttles_ends").on(table.endsAt)],
);

export const deliveryStatus = holdfast.enum("delivery_status", ["PENDING", "DELIVERED", "FAILED"]);

/** What somebody is to be told, over one of the configured ways. Written before its job. */
export const deliveries = holdfast.table(
  "deliveries",
  {
    id: uuid().primaryKey().defaultRandom(),
    /** What happened: "failed", "recovered", "overdue", ... */
    event: text().notNull(),
    /** The name of the configured way; its address and secret are in the configuration alone. */
    target: text().notNull(),
    payload: jsonb().$type<Notice>().notNull(),
    status: deliveryStatus().notNull().default("PENDING"),
    attempts: integer().notNull().default(0),
    lastError: text("last_error"),
    createdAt: at("created_at").notNull().defaultNow(),
    finishedAt: at("finished_at"),
  },
  (table) => [
    index("deliveries_pending")
      .on(table.createdAt)
      .where(sql`${table.status} = 'PENDING'`),
  ],
);

/** What is wrong at the moment and was told, so that it is told once, and its end once. */
export const alarms = holdfast.table(
  "alarms",
  {
    /** "failed", "overdue", "store-failed", ... */
    event: text().notNull(),
    /** What it is about: "schedule:<id>", "store:<name>". */
    subject: text().notNull(),
    raisedAt: at("raised_at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.event, table.subject] })],
);
