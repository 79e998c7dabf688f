// Signing in, changing one's password, and finding out who a request comes from.
import { and, eq, sql } from "drizzle-orm";
import { HoldfastError } from "../core/errors.ts";
import { userRoles, users } from "../platform/tables.ts";
import { attemptSignIn } from "./attempts.ts";
import { recordAudit } from "./audit.ts";
import { parseAuthorization } from "./authorization.ts";
import type { Account, Caller, SessionCaller } from "./caller.ts";
import type { AuthContext, Origin } from "./context.ts";
import { checkNewPassword, hashPassword, verifyPassword } from "./passwords.ts";
import { resolvePermissions } from "./permissions.ts";
import { heldRoles } from "./roles.ts";
import { authenticateSession, closeSession, endSessions, openSession } from "./sessions.ts";
import { authenticateToken } from "./tokens.ts";

export interface SignIn {
  /** The session's JWT. */
  readonly token: string;
  readonly expiresAt: Date;
  readonly caller: SessionCaller;
}

/**
 * Opens a session for a name and its password. Sign-ins and refusals are audited.
 * @throws HoldfastError BAD_CREDENTIALS, the same for a name that does not exist as for a wrong password, or saying that
 * the account is disabled to whoever knows its password; TOO_MANY_ATTEMPTS as `attemptSignIn`
 */
export async function signIn(
  context: AuthContext,
  username: string,
  password: string,
  origin: Origin = {},
): Promise<SignIn> {
  const { ledger } = context;
  const succeeded = await attemptSignIn(context, username, origin);
  const [user] = await ledger.db
    .select({ id: users.id, passwordHash: users.passwordHash, disabled: users.disabled })
    .from(users)
    .where(eq(users.username, storable(username)));
  const matches = await verifyPassword(user?.passwordHash, password);
  if (!matches || typeof user?.passwordHash !== "string")
    return refuse(context, username, origin, "The user name or the password is wrong.");
  const { id, passwordHash } = user;
  const session = await ledger.db.transaction(async (tx) => {
    const session = await openSession(context, tx, { id, username, passwordHash });
    if (session === undefined) return undefined;
    const target = `session:${session.sessionId}`;
    await recordAudit(tx, { actor: username, action: "session.started", target, address: origin.address });
    return session;
  });
  if (session === undefined) {
    const reason = user.disabled ? "The account is disabled." : "The user name or the password is wrong.";
    return refuse(context, username, origin, reason);
  }
  await succeeded();
  const caller = await authenticateSession(context, session.token);
  return { token: session.token, expiresAt: session.expiresAt, caller };
}

async function refuse(
  { ledger }: AuthContext,
  username: string,
  origin: Origin,
  message: string,
): Promise<never> {
  // Perhaps a name that nobody has: what was typed into the field may be anything, so not all of it is kept.
  const target = `user:${storable(username.slice(0, 64))}`;
  await recordAudit(ledger.db, { actor: null, action: "session.refused", target, address: origin.address });
  throw new HoldfastError("BAD_CREDENTIALS", message);
}

/** PostgreSQL's text holds no NUL and no half of a surrogate pair; no name of an account has either. */
function storable(text: string): string {
  return text.replaceAll("\0", "\u{FFFD}").toWellFormed();
}

/**
 * Who a request comes from, with what they may do at this moment: nothing of it is remembered for the next request.
 * @param authorization the Authorization header
 * @throws HoldfastError UNAUTHENTICATED, saying whether the token is missing, malformed, unknown, expired or ended
 */
export async function authenticate(
  context: AuthContext,
  authorization: string | null | undefined,
): Promise<Caller> {
  const credential = parseAuthorization(authorization);
  return credential.kind === "session"
    ? authenticateSession(context, credential.jwt)
    : authenticateToken(context, credential.token);
}

/** An account with what it may do at this moment; undefined: it is gone, disabled, or has another name by now. */
export async function findAccount(
  { ledger, catalog }: AuthContext,
  userId: string,
  username: string,
): Promise<Account | undefined> {
  const isUser = and(eq(users.id, BigInt(userId)), eq(users.username, username), eq(users.disabled, false));
  // `heldRoles` is for queries that join: without a join, columns would be named without their table.
  const [row] = await ledger.db
    .select({ roles: heldRoles })
    .from(users)
    .leftJoin(userRoles, sql`false`)
    .where(isUser);
  return (
    row && {
      userId,
      username,
      roles: row.roles.map(({ name }) => name),
      permissions: resolvePermissions(
        catalog,
        row.roles.map(({ permissions }) => permissions),
      ),
    }
  );
}

/**
 * Changes the caller's own password and ends all their sessions but the one that asks. Tokens stay.
 * @throws HoldfastError WRONG_PASSWORD when the old one is not right; BAD_INPUT when the new one will not do;
 * TOO_MANY_ATTEMPTS
 */
export async function changePassword(
  context: AuthContext,
  caller: Caller,
  passwords: { readonly old: string; readonly new: string },
  origin: Origin = {},
): Promise<void> {
  const { ledger, throttle, attemptLimit } = context;
  const name = ["change-password", caller.userId];
  await throttle.attempt([{ name, limit: attemptLimit }]);
  const id = BigInt(caller.userId);
  const [user] = await ledger.db.select({ hash: users.passwordHash }).from(users).where(eq(users.id, id));
  const oldHash = user?.hash ?? null;
  if (!(await verifyPassword(oldHash, passwords.old)) || oldHash === null) throw wrongPassword();
  checkNewPassword(passwords.new);
  const newHash = await hashPassword(passwords.new);
  await ledger.db.transaction(async (tx) => {
    // Only over the password that was verified: of two changes at once, the second is refused.
    const changed = await tx
      .update(users)
      .set({ passwordHash: newHash })
      .where(and(eq(users.id, id), eq(users.passwordHash, oldHash)))
      .returning({ id: users.id });
    if (changed.length === 0) throw wrongPassword();
    await endSessions(tx, caller.userId, caller.via === "session" ? caller.sessionId : null);
    await recordAudit(tx, {
      actor: caller.username,
      action: "password.changed",
      target: `user:${caller.username}`,
      address: origin.address,
    });
  });
  await throttle.clear(name);
}

/** @returns whether there was a session to end: a personal access token is revoked instead */
export async function signOut(context: AuthContext, caller: Caller, origin: Origin = {}): Promise<boolean> {
  if (caller.via !== "session") return false;
  const { sessionId, username } = caller;
  await context.ledger.db.transaction(async (tx) => {
    await closeSession(tx, sessionId);
    const target = `session:${sessionId}`;
    await recordAudit(tx, { actor: username, action: "session.ended", target, address: origin.address });
  });
  return true;
}

function wrongPassword(): HoldfastError {
  return new HoldfastError("WRONG_PASSWORD", "The old password is wrong; nothing was changed.");
}
