// What the server's catalogs say the session's role may do with some tables, their partitions, their sequences and the tables at the
// other ends of their foreign keys. Waits for nobody.
import { sql, type SQL } from "drizzle-orm";
import type { TableName } from "../core/catalog.ts";
import type { Session } from "./session.ts";

/** A table under backup or restore, or one of its partitions, or the table at the other end of a foreign key. */
export interface Standing extends TableName {
  readonly part: "OWN" | "LEAF" | "NEIGHBOUR";
  readonly owner: string;
  readonly owns: boolean;
  readonly usage: boolean;
  readonly select: boolean;
  readonly insert: boolean;
  readonly update: boolean;
  readonly delete: boolean;
  /** Whether it may be locked against writers. */
  readonly lock: boolean;
  readonly references: boolean;
  readonly hidden: boolean;
  /** Whether it holds a foreign key from or to one of the tables. */
  readonly refers: boolean;
  /** Triggers of people's own, and rules, that fire for everybody, and those that fire under session_replication_role = replica. */
  readonly fires: boolean;
  readonly firesInReplica: boolean;
}

export interface Role {
  readonly name: string;
  readonly database: string;
  readonly create: boolean;
  readonly temporary: boolean;
  /** Whether it may set session_replication_role. */
  readonly replica: boolean;
}

export async function roleOf(session: Session): Promise<Role> {
  // The function is there from version 15 on; before, only superusers may.
  const replica =
    session.serverVersion >= 150_000
      ? sql`has_parameter_privilege('session_replication_role', 'SET')`
      : sql`(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)`;
  const [role] = await session.rows<Role>(sql`
    SELECT current_user::text AS name, current_database()::text AS database, ${replica} AS replica,
      has_database_privilege(current_database(), 'CREATE') AS create,
      has_database_privilege(current_database(), 'TEMPORARY') AS temporary`);
  if (role === undefined) throw new Error("the server answered without a row");
  return role;
}

export async function standingsOf(session: Session, names: readonly TableName[]): Promise<Standing[]> {
  const wanted = JSON.stringify(names.map(({ schema, name }) => ({ schema, name })));
  const may = (right: string): SQL => sql`has_table_privilege(c.oid, ${right})`;
  // MAINTAIN is known from version 17 on.
  const locking =
    session.serverVersion >= 170_000 ? "UPDATE,DELETE,TRUNCATE,MAINTAIN" : "UPDATE,DELETE,TRUNCATE";
  return session.rows<Standing>(sql`
    WITH RECURSIVE own AS MATERIALIZED (
      SELECT DISTINCT c.oid FROM jsonb_to_recordset(${wanted}::jsonb) AS wanted(schema text, name text)
      JOIN pg_namespace n ON n.nspname = wanted.schema
      JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name AND c.relkind IN ('r', 'p')),
    keys AS MATERIALIZED (
      SELECT k.conrelid, k.confrelid FROM pg_constraint k
      WHERE k.contype = 'f' AND k.conparentid = 0 AND (k.conrelid IN (SELECT oid FROM own) OR k.confrelid IN (SELECT oid FROM own))),
    -- pg_partition_tree() would wait for locks
    tree AS (
      SELECT own.oid AS root, own.oid FROM own
      UNION SELECT tree.root, i.inhrelid FROM tree JOIN pg_class above ON above.oid = tree.oid AND above.relkind = 'p'
        JOIN pg_inherits i ON i.inhparent = tree.oid),
    firing AS MATERIALIZED (
      SELECT tree.root, t.tgenabled::text AS state FROM tree JOIN pg_trigger t ON t.tgrelid = tree.oid AND NOT t.tgisinternal
      UNION ALL SELECT own.oid, r.ev_enabled::text FROM own JOIN pg_rewrite r ON r.ev_class = own.oid),
    involved AS (
      SELECT oid, 'OWN' AS part FROM own
      UNION SELECT tree.oid, 'LEAF' FROM tree JOIN pg_class c ON c.oid = tree.oid AND c.relkind = 'r' WHERE tree.oid <> tree.root
      UNION SELECT oid, 'NEIGHBOUR' FROM (SELECT conrelid FROM keys UNION SELECT confrelid FROM keys) k(oid)
        WHERE oid NOT IN (SELECT oid FROM own))
    SELECT involved.part, n.nspname::text AS schema, c.relname::text AS name,
      pg_get_userbyid(c.relowner)::text AS owner, pg_has_role(c.relowner, 'USAGE') AS owns,
      has_schema_privilege(n.oid, 'USAGE') AS usage,
      ${may("SELECT")} AS select, ${may("INSERT")} AS insert, ${may("UPDATE")} AS update, ${may("DELETE")} AS delete,
      ${may(locking)} AS lock, ${may("REFERENCES")} AS references, row_security_active(c.oid) AS hidden,
      EXISTS (SELECT FROM keys WHERE c.oid = conrelid) AS refers,
      EXISTS (SELECT FROM firing WHERE root = c.oid AND state IN ('O', 'A')) AS fires,
      EXISTS (SELECT FROM firing WHERE root = c.oid AND state IN ('R', 'A')) AS "firesInReplica"
    FROM involved JOIN pg_class c ON c.oid = involved.oid JOIN pg_namespace n ON n.oid = c.relnamespace
    ORDER BY n.nspname, c.relname`);
}

export interface SequenceStanding extends TableName {
  readonly owns: boolean;
  readonly set: boolean;
  readonly seen: boolean;
}

export async function sequencesOf(
  session: Session,
  names: readonly TableName[],
): Promise<SequenceStanding[]> {
  const wanted = JSON.stringify(names.map(({ schema, name }) => ({ schema, name })));
  return session.rows<SequenceStanding>(sql`
    WITH own AS MATERIALIZED (
      SELECT DISTINCT c.oid FROM jsonb_to_recordset(${wanted}::jsonb) AS wanted(schema text, name text)
      JOIN pg_namespace n ON n.nspname = wanted.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name)
    SELECT DISTINCT n.nspname::text AS schema, s.relname::text AS name, pg_has_role(s.relowner, 'USAGE') AS owns,
      has_sequence_privilege(s.oid, 'SELECT') AND has_sequence_privilege(s.oid, 'UPDATE') AS set,
      has_sequence_privilege(s.oid, 'SELECT,USAGE') AS seen
    FROM (
      SELECT d.objid FROM own JOIN pg_depend d ON d.refobjid = own.oid AND d.refclassid = 'pg_class'::regclass
        AND d.refobjsubid > 0 AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
      UNION SELECT d.refobjid FROM own JOIN pg_attrdef f ON f.adrelid = own.oid
        JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass
    ) found
    JOIN pg_class s ON s.oid = found.objid AND s.relkind = 'S'
    JOIN pg_namespace n ON n.oid = s.relnamespace
    ORDER BY 1, 2`);
}
