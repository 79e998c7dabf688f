// Made-up rows for the platform's tables: the same for the same sizes and seed, varied, and made by the server itself
// (generate_series), so that millions of rows take seconds and none passes through this process.
import type { Sql } from "postgres";
import { seedAccounts } from "./seed-accounts.ts";
import { seedConfig } from "./seed-config.ts";
import { seedAuditLogs, seedLogs } from "./seed-logs.ts";
import { seedWorkspace } from "./seed-workspace.ts";
import { DEMO_SIZES, type PlatformSizes } from "./sizes.ts";

export { DEMO_SIZES, type PlatformSizes, SMALL_SIZES } from "./sizes.ts";

/**
 * Fills the platform's tables in one transaction and analyzes them. Rows that are there stay; named things are made
 * under the same names each time, so a second call for them fails on the unique constraints and changes nothing.
 * No made-up account can sign in and no made-up token is a token: their hashes are of nothing that is known.
 * @param sql a client (not a reserved connection) of a database with the migrations applied; stays open
 * @param sizes what is left out is as in DEMO_SIZES
 */
export async function seedPlatform(sql: Sql, sizes: Partial<PlatformSizes> = {}, seed = 1): Promise<void> {
  const all = { ...DEMO_SIZES, ...sizes };
  await sql.begin(async (tx) => {
    await tx.unsafe(rollFunctions(seed));
    // Checking each reference takes a third of the time; rows made here refer to rows made here. A role that may not
    // leave the checks out has them made.
    await tx`
      SELECT set_config('session_replication_role', 'replica', true) FROM pg_roles
      WHERE rolname = current_user AND rolsuper`;
    await seedAccounts(tx, all);
    await seedConfig(tx, all);
    await seedLogs(tx, all);
    await seedWorkspace(tx, all);
    await seedAuditLogs(tx, all);
    await tx`DROP FUNCTION pg_temp.roll, pg_temp.one_of, pg_temp.made_uuid`;
    await tx`SET LOCAL default_statistics_target = 10`;
    await tx`ANALYZE`;
  });
}

/**
 * Dice that fall the same way every time, as functions that the planner inlines: `roll(n, salt, sides)` is a number
 * from 0 to sides - 1 for row n; each salt is another die.
 */
function rollFunctions(seed: number): string {
  const base = BigInt(seed) * 1000n;
  return `
    CREATE FUNCTION pg_temp.roll(n bigint, salt integer, sides integer) RETURNS integer LANGUAGE sql IMMUTABLE
      AS 'SELECT ((hashint8extended(n, ${base} + salt) & 4611686018427387903) % sides)::integer';
    CREATE FUNCTION pg_temp.one_of(n bigint, salt integer, choices text[]) RETURNS text LANGUAGE sql IMMUTABLE
      AS 'SELECT choices[1 + ((hashint8extended(n, ${base} + salt) & 4611686018427387903) % cardinality(choices))]';
    CREATE FUNCTION pg_temp.made_uuid(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
      AS 'SELECT md5(kind || '':${seed}:'' || n::text)::uuid';
  `;
}
