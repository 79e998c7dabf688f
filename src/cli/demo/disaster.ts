// What goes wrong in the demo, and what goes on meanwhile: plain SQL, as anybody might type it.
export interface Statement {
  readonly sql: string;
  /** For the story, after the number of rows: "users deleted, ...". */
  readonly outcome: string;
}

/** Rows that the backup holds are deleted and changed. */
export const DAMAGE: readonly Statement[] = [
  {
    sql: "DELETE FROM platform.users WHERE id % 3 = 0 AND username <> 'admin'",
    outcome: "users gone, and with them their roles, groups and tokens",
  },
  {
    sql: "UPDATE platform.template_versions SET body = 'lorem ipsum' WHERE id % 2 = 0",
    outcome: "template versions overwritten",
  },
  {
    sql: "UPDATE platform.templates SET name = 'copy of ' || name WHERE NOT locked",
    outcome: "templates renamed",
  },
  {
    sql: "DELETE FROM platform.log_entries WHERE level IN ('ERROR', 'FATAL')",
    outcome: "errors no longer in the logs",
  },
  {
    sql: "UPDATE platform.audit_logs SET actor = NULL WHERE action LIKE 'user.%'",
    outcome: "audit records without the one who did it",
  },
];

/** Rows that no backup holds: whoever restores must not lose them. */
export const LATER_WORK: readonly Statement[] = [
  {
    sql: `INSERT INTO platform.users (username, email)
  VALUES ('late.arrival', 'late@example.org')`,
    outcome: "user who signed up after the backup",
  },
  {
    sql: `INSERT INTO platform.log_entries (stream_id, level, message)
  SELECT min(id), 'INFO', 'after the backup, no. ' || n
  FROM platform.streams, generate_series(1, 1000) n GROUP BY n`,
    outcome: "log entries written after the backup",
  },
];
