// The catalogue of errors: every failure that a client may see has a stable code, a status and a hint here.
// Anything else that is thrown reaches a client as INTERNAL, with an id that the log has too.

/** What a code means to a client, whichever way the client came in. */
interface ErrorEntry {
  /** HTTP status of the REST answer. */
  readonly status: number;
  /** What to do about it; a call may give a more exact hint. */
  readonly hint: string;
  /** Whether the same request can succeed later without anybody changing anything. */
  readonly retryable?: boolean;
}

export const ERRORS = {
  // who is asking
  UNAUTHENTICATED: { status: 401, hint: "Sign in, or send a valid token in the Authorization header." },
  BAD_CREDENTIALS: { status: 401, hint: "Check the user name and the password." },
  WRONG_PASSWORD: { status: 403, hint: "Give the password that you sign in with now." },
  FORBIDDEN: { status: 403, hint: "Ask an administrator for the missing permission." },
  TOO_MANY_ATTEMPTS: { status: 429, hint: "Wait, then try again.", retryable: true },
  TOO_MANY_STREAMS: { status: 429, hint: "Wait until another backup or restore has ended.", retryable: true },
  TOO_MANY_SUBSCRIPTIONS: {
    status: 429,
    hint: "End other subscriptions of the account first.",
    retryable: true,
  },
  // what is asked for
  BAD_INPUT: { status: 400, hint: "Correct the named field and send the request again." },
  METHOD_NOT_ALLOWED: { status: 405, hint: "Use one of the methods that the Allow header names." },
  NOT_JSON: { status: 415, hint: "Send JSON, with the header content-type: application/json." },
  TOO_LARGE: { status: 413, hint: "Send less in one request." },
  NO_SPACE: { status: 507, hint: "Make room in the server's data directory.", retryable: true },
  HTTP_VERSION_TOO_OLD: {
    status: 505,
    hint: "Ask in HTTP/1.1; before nginx: proxy_http_version 1.1.",
  },
  RANGE_NOT_SATISFIABLE: {
    status: 416,
    hint: "Ask for bytes that the file has; its size is in Content-Range.",
  },
  QUERY_TOO_LARGE: { status: 400, hint: "Ask for less at once: fewer levels, aliases or entries." },
  NOT_FOUND: { status: 404, hint: "Check the id; what you may not read is not shown either." },
  NOT_READY: { status: 409, hint: "Wait until the backup has succeeded." },
  BACKUP_DELETED: { status: 410, hint: "Choose another backup; the list has those that are kept." },
  BACKUP_PINNED: { status: 409, hint: "Unpin the backup first, if it may really go." },
  BACKUP_IN_USE: {
    status: 409,
    hint: "Wait until what reads the backup has ended, or cancel it.",
    retryable: true,
  },
  SCHEDULE_BUSY: {
    status: 409,
    hint: "Wait until the schedule's run has ended, or cancel it.",
    retryable: true,
  },
  ALREADY_FINISHED: { status: 409, hint: "The run has ended; there is nothing left to cancel." },
  ADDRESS_UNAVAILABLE: {
    status: 500,
    hint: "Choose another port with --port or PORT (0: any free one), or another HOST.",
  },
  CONFIG_INVALID: { status: 500, hint: "Correct the named settings and start again." },
  NOT_WELL: { status: 500, hint: "Run what stands beneath each fault, then look again." },
  // artifacts
  NOT_AN_ARTIFACT: { status: 422, hint: "Give a file or a prefix that Holdfast wrote." },
  ARTIFACT_INCOMPLETE: {
    status: 422,
    hint: "The backup was cut short; use another one, or transfer it again.",
  },
  ARTIFACT_CORRUPT: { status: 422, hint: "The bytes are not those that were written; use another copy." },
  ARTIFACT_TAMPERED: { status: 422, hint: "Parts are not those that the manifest names; use another copy." },
  ARTIFACT_TOO_NEW: { status: 422, hint: "Use the Holdfast version that made it, or a later one." },
  ARTIFACT_UNSIGNED: {
    status: 422,
    hint: "Nobody vouches for it: restore it with allowUntrusted only if you know who made it and who kept it since.",
  },
  UNKNOWN_SIGNER: {
    status: 422,
    hint: "If you know whose key it is, trust it with `holdfast keys trust`; else restore with allowUntrusted, knowingly.",
  },
  PASSPHRASE_REQUIRED: { status: 422, hint: "The backup is encrypted with a passphrase; give it to unlock." },
  IDENTITY_REQUIRED: {
    status: 422,
    hint: "The backup is encrypted to age recipients; give one of their identities.",
  },
  WRONG_PASSPHRASE: { status: 422, hint: "Check the passphrase; nothing was changed." },
  WRONG_IDENTITY: {
    status: 422,
    hint: "Give the age identity of one of the recipients that it was encrypted to.",
  },
  BAD_RECIPIENT: { status: 400, hint: "A recipient looks like age1... ; make one with age-keygen." },
  // restoring
  ENTITY_NOT_IN_BACKUP: { status: 422, hint: "Choose from the entities that the backup holds." },
  FOREIGN_CONTENTS: {
    status: 422,
    hint: "Choose entities that the catalog has with these tables, or correct the catalog.",
  },
  MISSING_REFERENCES: { status: 422, hint: "Add the named entity to the restore, or restore it first." },
  STILL_REFERENCED: {
    status: 422,
    hint: "Add the named entity to the restore, or use MERGE, which deletes nothing.",
  },
  UNIQUE_CONFLICT: {
    status: 422,
    hint: "Change or remove the live row that holds the same value, or use REPLACE.",
  },
  SCHEMA_DRIFT: {
    status: 422,
    hint: "Bring the table's columns in line with the backup, then restore again.",
  },
  LOCKS_OUT: {
    status: 409,
    hint: "Preview it, and confirm it (confirmLockOut) only if somebody else can still come in, or you know another way.",
  },
  PLAN_CHANGED: { status: 409, hint: "The database has changed since the preview; preview again." },
  CONSTRAINT_VIOLATED: { status: 422, hint: "The database refused the rows; nothing was changed." },
  ROWS_NOT_IN_BACKUP: {
    status: 422,
    hint: "Check the keys and values, or choose a backup from when the rows were there.",
  },
  PARTIALLY_APPLIED: {
    status: 503,
    hint: "Restore the same once more: what is applied already is the same then.",
    retryable: true,
  },
  OUTCOME_UNKNOWN: {
    status: 503,
    hint: "Once the database is back, restore the same once more: what was applied is the same then.",
    retryable: true,
  },
  // verifying
  DRILL_FAILED: {
    status: 422,
    hint: "Do not rely on this backup: make another one, verify it, and read the log for what was found.",
  },
  DRILL_UNSUPPORTED: {
    status: 422,
    hint: "Verify it at the level CONTENTS, or make a new backup, which describes its types.",
  },
  EXTENSION_MISSING: {
    status: 422,
    hint: "Install the extension's package on the server that the drill uses, or drill on one that has it.",
  },
  // telling people
  NOT_DELIVERED: {
    status: 502,
    hint: "Correct what it says, at the receiver or in `notify`; then try again.",
  },
  // databases, stores, queue
  DATABASE_UNREACHABLE: {
    status: 503,
    hint: "Check that PostgreSQL runs and that the URL is right.",
    retryable: true,
  },
  DATABASE_FAILED: {
    status: 500,
    hint: "Read what PostgreSQL says, and its log; correct it and start again.",
  },
  DATABASE_DENIED: { status: 500, hint: "Grant the database role what the message names." },
  ROW_SECURITY: { status: 500, hint: "Back up with a role that has BYPASSRLS or owns the table." },
  TABLE_MISSING: {
    status: 422,
    hint: "Create the table (run the application's migrations), or correct the catalog.",
  },
  TABLE_LOCKED: {
    status: 503,
    hint: "Another transaction holds the table; try again when it has ended.",
    retryable: true,
  },
  EMBEDDED_IN_USE: {
    status: 503,
    hint: "Stop the other Holdfast process, or give this one another data directory.",
    retryable: true,
  },
  EMBEDDED_FAILED: { status: 500, hint: "Read what PostgreSQL says, correct it and start again." },
  STORE_FAILED: { status: 503, hint: "Check the store's space, address and credentials.", retryable: true },
  QUEUE_UNREACHABLE: {
    status: 503,
    hint: "Check that Redis (or, without it, PostgreSQL) runs and that its URL is right.",
    retryable: true,
  },
  SHUTTING_DOWN: { status: 503, hint: "Try again once the process has started anew.", retryable: true },
  SUBSCRIBER_TOO_SLOW: { status: 503, hint: "Subscribe again, and read what comes.", retryable: true },
  SERVER_UNREACHABLE: {
    status: 503,
    hint: "Check that the server runs and that its URL is right.",
    retryable: true,
  },
  // runs
  CANCELLED: { status: 409, hint: "Start it again when you want it." },
  WORKER_LOST: {
    status: 500,
    hint: "The workers that carried the run died; see their logs, then start it again.",
  },
  SUPERSEDED: { status: 409, hint: "Another worker has taken this run over." },
  SECRET_LOST: {
    status: 500,
    hint: "The server's secret key has changed since the run was queued; start it again.",
  },
  INTERNAL: { status: 500, hint: "Look the id up in the server's log." },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

interface HoldfastErrorOptions {
  /** Replaces the catalogue's hint where the place that fails knows better. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Machine-readable particulars (names of entities, tables, permissions); never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The one class of error that clients see. `message` is for people and holds no secret. */
export class HoldfastError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, options: HoldfastErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "HoldfastError";
    this.code = code;
    this.hint = options.hint ?? ERRORS[code].hint;
    this.details = options.details;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get retryable(): boolean {
    const entry: ErrorEntry = ERRORS[this.code];
    return entry.retryable ?? false;
  }
}

export function isHoldfastError(error: unknown, code?: ErrorCode): error is HoldfastError {
  return error instanceof HoldfastError && (code === undefined || error.code === code);
}

/** Whether it is an error of the system or of Node that carries the code: `ENOENT`, `ERR_MODULE_NOT_FOUND`. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
