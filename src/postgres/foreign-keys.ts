// The foreign keys from and to tables under restore, and how they are put aside for a transaction.
import { sql, type SQL } from "drizzle-orm";
import { tableLabel, type TableName } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import { lockTables, type TableLock } from "./locks.ts";
import { literal, tableIdentifier } from "./quote.ts";
import type { Session } from "./session.ts";

/** A table on either side of a foreign key. */
export interface KeySide extends TableName {
  readonly oid: number;
  readonly partitioned: boolean;
}

export interface KeyColumn {
  readonly name: string;
  /** The referenced column that it is compared with. */
  readonly references: string;
  /** `OPERATOR(schema.=)`, the referenced column on its left. */
  readonly operator: string;
}

export interface ForeignKey {
  readonly name: string;
  /** The table that holds the key. */
  readonly from: KeySide;
  readonly to: KeySide;
  readonly columns: readonly KeyColumn[];
  /** MATCH FULL: a key is null as a whole or not at all. */
  readonly matchFull: boolean;
  /** Compares periods of time (PostgreSQL 18): more than equality of columns. */
  readonly temporal: boolean;
  /** As `pg_get_constraintdef` prints it. */
  readonly definition: string;
  readonly comment: string | null;
  /** Whether all of its triggers fire as they were created to. */
  readonly pristine: boolean;
}

export interface ForeignKeys {
  /** Of the tables themselves. */
  readonly outgoing: readonly ForeignKey[];
  /** From wherever to the tables; what a table refers to itself by is in both. */
  readonly incoming: readonly ForeignKey[];
}

interface ForeignKeyRow extends ForeignKey {
  readonly isOutgoing: boolean;
  readonly isIncoming: boolean;
}

/**
 * Of a foreign key between partitioned tables PostgreSQL keeps one constraint for each partition: the topmost that concerns the
 * tables speaks for all. Constraints that are not enforced promise nothing and are left out.
 */
export async function readForeignKeys(session: Session, oids: readonly number[]): Promise<ForeignKeys> {
  const tables = sql`${`{${oids.join(",")}}`}::text::oid[]`;
  const rows = await session.rows<ForeignKeyRow>(sql`
    SELECT k.conname::text AS name,
      (SELECT jsonb_build_object('oid', c.oid::int8, 'schema', n.nspname, 'name', c.relname, 'partitioned', c.relkind = 'p')
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = k.conrelid) AS from,
      (SELECT jsonb_build_object('oid', c.oid::int8, 'schema', n.nspname, 'name', c.relname, 'partitioned', c.relkind = 'p')
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = k.confrelid) AS to,
      (SELECT jsonb_agg(jsonb_build_object('name', f.attname, 'references', p.attname,
          'operator', format('OPERATOR(%I.%s)', n.nspname, o.oprname)) ORDER BY i)
        FROM generate_subscripts(k.conkey, 1) AS i
        JOIN pg_attribute f ON f.attrelid = k.conrelid AND f.attnum = k.conkey[i]
        JOIN pg_attribute p ON p.attrelid = k.confrelid AND p.attnum = k.confkey[i]
        JOIN pg_operator o ON o.oid = k.conpfeqop[i]
        JOIN pg_namespace n ON n.oid = o.oprnamespace) AS columns,
      k.confmatchtype = 'f' AS "matchFull",
      coalesce((to_jsonb(k) ->> 'conperiod')::bool, false) AS temporal,
      pg_get_constraintdef(k.oid) AS definition, obj_description(k.oid, 'pg_constraint') AS comment,
      NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgconstraint = k.oid AND t.tgenabled <> 'O') AS pristine,
      k.conrelid = ANY(${tables}) AND (above.oid IS NULL OR above.conrelid <> ALL(${tables})) AS "isOutgoing",
      k.confrelid = ANY(${tables}) AND (above.oid IS NULL OR above.confrelid <> ALL(${tables})) AS "isIncoming"
    FROM pg_constraint k
    LEFT JOIN pg_constraint above ON above.oid = k.conparentid
    WHERE k.contype = 'f' AND (k.conrelid = ANY(${tables}) OR k.confrelid = ANY(${tables}))
      AND coalesce((to_jsonb(k) ->> 'conenforced')::bool, true)
    ORDER BY k.conrelid::regclass::text, k.conname`);
  return {
    outgoing: rows.filter((row) => row.isOutgoing),
    incoming: rows.filter((row) => row.isIncoming),
  };
}

/**
 * Drops the foreign keys, for the session's transaction. Their tables are locked against everybody.
 * @returns what puts them back as they were, for which the database checks all of their rows; to be called in the same transaction
 * @throws DATABASE_DENIED where a table belongs to another role, or where a key could not be put back as it was
 */
export async function suspendForeignKeys(
  session: Session,
  keys: readonly ForeignKey[],
): Promise<() => Promise<void>> {
  const altered = keys.find((key) => !key.pristine);
  if (altered !== undefined) throw cannotPutBack(altered);
  await lockTables(
    session,
    keys.flatMap(({ from, to }): TableLock[] => [
      { ...from, mode: "ACCESS EXCLUSIVE" },
      { ...to, mode: "ACCESS EXCLUSIVE" },
    ]),
  );
  for (const key of keys) {
    await session.query(
      sql`ALTER TABLE ${tableIdentifier(key.from)} DROP CONSTRAINT ${sql.identifier(key.name)}`,
    );
  }
  return async () => {
    for (const key of keys) for (const statement of creation(key)) await session.query(statement);
  };
}

function creation({ from, name, definition, comment }: ForeignKey): SQL[] {
  const table = tableIdentifier(from);
  const constraint = sql.identifier(name);
  const statements = [sql`ALTER TABLE ${table} ADD CONSTRAINT ${constraint} ${sql.raw(definition)}`];
  if (comment !== null)
    statements.push(sql`COMMENT ON CONSTRAINT ${constraint} ON ${table} IS ${literal(comment)}`);
  return statements;
}

/** Triggers of foreign keys are switched by superusers, who alone can do it again. */
function cannotPutBack(key: ForeignKey): HoldfastError {
  return new HoldfastError(
    "DATABASE_DENIED",
    `The foreign key ${key.name} of ${tableLabel(key.from)} has triggers that were switched off or over, which this role could not do again.`,
    { hint: "Restore as a superuser, or as a role that may set session_replication_role." },
  );
}
