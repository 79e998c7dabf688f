// Puts triggers and rewrite rules of tables to rest for a transaction and gives each its exact state back: restored rows equal
// the backed-up ones, and nothing else is touched.
import { sql, type SQL } from "drizzle-orm";
import { isHoldfastError } from "../core/errors.ts";
import { tableIdentifier } from "./quote.ts";
import type { Session } from "./session.ts";

/** How the session keeps triggers from firing. */
export type Quiet =
  /** `session_replication_role = replica`: triggers, rules and foreign keys rest by themselves. */
  | "REPLICA"
  /** For roles that may not set it: what would fire is disabled, table by table, and foreign keys are put aside. */
  | "DISABLED";

/** pg_trigger.tgenabled and pg_rewrite.ev_enabled */
type Firing = "O" | "D" | "R" | "A";

interface Sleeper {
  readonly schema: string;
  readonly relation: string;
  readonly kind: "TRIGGER" | "RULE";
  readonly name: string;
  readonly firing: Firing;
}

/** Which states fire in a session that is quiet in that way. */
const FIRES: Readonly<Record<Quiet, readonly Firing[]>> = { REPLICA: ["R", "A"], DISABLED: ["O", "A"] };
const ENABLE: Readonly<Record<Firing, string>> = {
  O: "ENABLE",
  D: "DISABLE",
  R: "ENABLE REPLICA",
  A: "ENABLE ALWAYS",
};

/** To be called in a transaction, whose end undoes it. */
export async function quieten(session: Session): Promise<Quiet> {
  await session.query("SAVEPOINT holdfast_quiet");
  try {
    await session.query("SET LOCAL session_replication_role = replica");
    await session.query("RELEASE SAVEPOINT holdfast_quiet");
    return "REPLICA";
  } catch (error) {
    if (!isHoldfastError(error, "DATABASE_DENIED")) throw error;
    await session.query("ROLLBACK TO SAVEPOINT holdfast_quiet");
    return "DISABLED";
  }
}

/**
 * Disables what would still fire at changes of the tables or of their partitions. The caller holds them locked against writers.
 * @returns what gives everything its state back; to be called in the same transaction
 * @throws DATABASE_DENIED where a table belongs to another role
 */
export async function disableTriggers(
  session: Session,
  quiet: Quiet,
  oids: readonly number[],
): Promise<() => Promise<void>> {
  const sleepers = await session.rows<Sleeper>(sleepersOf(quiet, oids));
  for (const sleeper of sleepers) await session.query(change(sleeper, "D"));
  return async () => {
    for (const sleeper of sleepers) await session.query(change(sleeper, sleeper.firing));
  };
}

/**
 * Triggers that check unique constraints at the end go on doing so. Those of foreign keys rest only under REPLICA, where they have
 * been set to fire always; a plain owner has no say over them. Parents come before their partitions, which some versions of ALTER
 * TABLE change along with them.
 */
function sleepersOf(quiet: Quiet, oids: readonly number[]): SQL {
  const tables = sql`${`{${oids.join(",")}}`}::text::oid[]`;
  const firing = sql`(${sql.join(
    FIRES[quiet].map((state) => sql`${state}`),
    sql`, `,
  )})`;
  const checks = quiet === "REPLICA" ? sql`('p', 'u', 'x')` : sql`('p', 'u', 'x', 'f')`;
  return sql`
    SELECT n.nspname::text AS schema, c.relname::text AS relation, found.kind, found.name, found.firing
    FROM (
      SELECT t.tgrelid AS relation, 'TRIGGER' AS kind, t.tgname::text AS name, t.tgenabled::text AS firing, part.level
      FROM (
        SELECT oid, 0 AS level FROM unnest(${tables}) AS oid
        UNION SELECT p.relid, p.level FROM unnest(${tables}) AS oid, pg_partition_tree(oid) AS p WHERE p.relid <> oid) AS part
      JOIN pg_trigger t ON t.tgrelid = part.oid
      WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.oid = t.tgconstraint AND k.contype IN ${checks})
      UNION ALL
      SELECT r.ev_class, 'RULE', r.rulename::text, r.ev_enabled::text, 0
      FROM pg_rewrite r WHERE r.ev_class = ANY(${tables})) AS found
    JOIN pg_class c ON c.oid = found.relation
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE found.firing IN ${firing}
    ORDER BY found.level, schema, relation, found.kind, found.name`;
}

function change({ schema, relation, kind, name }: Sleeper, firing: Firing): SQL {
  const table = tableIdentifier({ schema, name: relation });
  return sql`ALTER TABLE ONLY ${table} ${sql.raw(`${ENABLE[firing]} ${kind}`)} ${sql.identifier(name)}`;
}
