// What the tests of accounts start from: a migrated database, its ledger, and accounts made by plain SQL.
import { createAuth, type Auth, type AuthOptions } from "../../src/auth/auth.ts";
import { hashPassword } from "../../src/auth/passwords.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import { openLedger, type Ledger } from "../../src/ledger/connect.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

export interface World extends AsyncDisposable {
  readonly url: string;
  readonly ledger: Ledger;
  readonly auth: Auth;
  /** Another server on the same database. */
  another(options?: Partial<AuthOptions>): Auth;
  /** @returns the account's id */
  addUser(
    username: string,
    options?: { password?: string; roles?: Record<string, string[]> },
  ): Promise<string>;
  /** The Authorization header of a fresh session. */
  session(username: string, password?: string): Promise<string>;
}

export const SECRET_KEY = "a key that the tests know";
export const PASSWORD = "correct horse";

/** Hashed once a file: it is the slow part. */
const passwordHashes = new Map<string, Promise<string>>();
function hashOf(password: string): Promise<string> {
  const known = passwordHashes.get(password) ?? hashPassword(password);
  passwordHashes.set(password, known);
  return known;
}

/** @param given a database that is migrated, and dropped with the world; left out: one is made */
export async function createWorld(
  options: Partial<AuthOptions> = {},
  given?: Pick<TestDatabase, "url" | "drop">,
): Promise<World> {
  const database = given ?? (await createDatabase({ migrated: true }));
  const ledger = openLedger(database.url);
  const another = (more: Partial<AuthOptions> = {}) =>
    createAuth({ ledger, catalog: platformCatalog, secretKey: SECRET_KEY, ...options, ...more });
  const auth = another();
  return {
    url: database.url,
    ledger,
    auth,
    another,
    async addUser(username, { password = PASSWORD, roles = {} } = {}) {
      const [user] = await ledger.sql<{ id: string }[]>`
        INSERT INTO platform.users (username, password_hash) VALUES (${username}, ${await hashOf(password)})
        RETURNING id`;
      if (user === undefined) throw new Error("no row");
      for (const [name, permissions] of Object.entries(roles)) {
        await ledger.sql`
          WITH role AS (
            INSERT INTO platform.roles (name, permissions) VALUES (${name}, ${permissions})
            ON CONFLICT (name) DO UPDATE SET permissions = excluded.permissions RETURNING id)
          INSERT INTO platform.user_roles (user_id, role_id) SELECT ${user.id}::bigint, id FROM role`;
      }
      return user.id;
    },
    async session(username, password = PASSWORD) {
      return `Bearer jwt:${(await auth.signIn(username, password)).token}`;
    },
    async [Symbol.asyncDispose]() {
      await ledger.close();
      await database.drop();
    },
  };
}
