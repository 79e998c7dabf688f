// The first account.
import { sql } from "drizzle-orm";
import type { Ledger } from "../ledger/connect.ts";
import { roles, userRoles, users } from "../platform/tables.ts";
import { recordAudit } from "./audit.ts";
import { hashPassword, makePassword } from "./passwords.ts";
import { EVERY_PERMISSION } from "./permissions.ts";

const ADMIN = "admin";
const ADMINISTRATOR = "Administrator";

/** Any number will do that no other program locks on this database; this one spells "admi". */
const ADMIN_LOCK = 0x61646d69;

/**
 * On a first start, makes the account `admin` with the role Administrator, which has every permission there is. Where
 * there is an account or a role of that name nothing is done: a password that was changed, a role that was narrowed and
 * an account that was deleted stay so. Servers that start at once wait for one another.
 * @param options.password left out: one is made
 * @returns whether this call made it, and the password if it was made here: the one chance to show it
 */
export async function ensureAdmin(
  ledger: Ledger,
  options: { readonly password?: string | undefined } = {},
): Promise<{ created: boolean; madePassword: string | null }> {
  return ledger.db.transaction(async (tx) => {
    await tx.execute(sql`SELECT pg_advisory_xact_lock(${ADMIN_LOCK})`);
    const [found] = await tx.execute<{ present: boolean }>(sql`
      SELECT EXISTS (SELECT FROM ${users} WHERE ${users.username} = ${ADMIN})
        OR EXISTS (SELECT FROM ${roles} WHERE ${roles.name} = ${ADMINISTRATOR}) AS present`);
    if (found?.present !== false) return { created: false, madePassword: null };
    const password = options.password ?? makePassword();
    const passwordHash = await hashPassword(password);
    const [role] = await tx
      .insert(roles)
      .values({
        name: ADMINISTRATOR,
        description: "Every permission there is",
        permissions: [EVERY_PERMISSION],
      })
      .returning({ id: roles.id });
    const [user] = await tx
      .insert(users)
      .values({ username: ADMIN, displayName: ADMINISTRATOR, passwordHash })
      .returning({ id: users.id });
    if (role === undefined || user === undefined)
      throw new Error("an insert of the first account returned no row");
    await tx.insert(userRoles).values({ userId: user.id, roleId: role.id });
    await recordAudit(tx, { actor: null, action: "user.created", target: `user:${ADMIN}` });
    return { created: true, madePassword: options.password === undefined ? password : null };
  });
}
