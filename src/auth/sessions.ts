// Sessions: what a sign-in with a password gives. A session is a JWT that names a row of the ledger, and the row decides:
// it can be ended at once, wherever the JWT is.
import { and, eq, isNull, lt, ne, sql } from "drizzle-orm";
import { errors, jwtVerify, SignJWT } from "jose";
import { HoldfastError } from "../core/errors.ts";
import { sessions } from "../ledger/tables.ts";
import { users } from "../platform/tables.ts";
import type { Database } from "./audit.ts";
import type { SessionCaller } from "./caller.ts";
import type { AuthContext } from "./context.ts";
import { resolvePermissions } from "./permissions.ts";
import { heldRoles } from "./roles.ts";

const ALGORITHM = "HS256";
const ISSUER = "holdfast";

export interface NewSession {
  /** The JWT. */
  readonly token: string;
  readonly sessionId: string;
  readonly expiresAt: Date;
}

/**
 * Opens a session for the account, if it still is what was verified: a password that is changed in this very moment
 * either ends the new session too, or keeps it from being opened.
 * @returns undefined when the account's password is another by now, or the account is disabled or gone
 */
export async function openSession(
  context: AuthContext,
  db: Database,
  account: { readonly id: bigint; readonly username: string; readonly passwordHash: string },
): Promise<NewSession | undefined> {
  const [unchanged] = await db
    .select({ id: users.id })
    .from(users)
    .where(
      and(eq(users.id, account.id), eq(users.passwordHash, account.passwordHash), eq(users.disabled, false)),
    )
    .for("share");
  if (unchanged === undefined) return undefined;
  const userId = String(account.id);
  // Whole seconds, as a JWT counts them: the row and the JWT end together.
  const expiresAt = new Date(Math.floor((Date.now() + context.sessionLifetimeMs) / 1000) * 1000);
  await db.delete(sessions).where(and(eq(sessions.userId, userId), lt(sessions.expiresAt, sql`now()`)));
  const [session] = await db.insert(sessions).values({ userId, expiresAt }).returning({ id: sessions.id });
  if (session === undefined) throw new Error("an insert into sessions returned no row");
  const token = await new SignJWT({ name: account.username })
    .setProtectedHeader({ alg: ALGORITHM, typ: "JWT" })
    .setIssuer(ISSUER)
    .setSubject(userId)
    .setJti(session.id)
    .setIssuedAt()
    .setExpirationTime(expiresAt)
    .sign(context.sessionKey);
  return { token, sessionId: session.id, expiresAt };
}

/**
 * Who a JWT belongs to, with their present permissions: one query.
 * @throws HoldfastError UNAUTHENTICATED when it is forged, expired or ended, or its account is gone or disabled
 */
export async function authenticateSession(context: AuthContext, jwt: string): Promise<SessionCaller> {
  const claims = await verifyJwt(context.sessionKey, jwt);
  const [row] = await context.ledger.db
    .select({
      userId: users.id,
      username: users.username,
      disabled: users.disabled,
      roles: heldRoles,
      ended: sql<boolean>`${sessions.endedAt} IS NOT NULL OR ${sessions.expiresAt} <= now()`,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sql`${sessions.userId}::bigint`))
    .where(eq(sessions.id, claims.sessionId));
  // The name too, for a restore may have given the account's id to somebody else.
  if (row === undefined || row.ended || row.username !== claims.username)
    throw new HoldfastError("UNAUTHENTICATED", "The session has ended.", { hint: "Sign in again." });
  if (row.disabled) throw new HoldfastError("UNAUTHENTICATED", "The account is disabled.");
  return {
    via: "session",
    sessionId: claims.sessionId,
    userId: String(row.userId),
    username: row.username,
    roles: row.roles.map((role) => role.name),
    permissions: resolvePermissions(
      context.catalog,
      row.roles.map((role) => role.permissions),
    ),
  };
}

async function verifyJwt(key: Uint8Array, jwt: string): Promise<{ sessionId: string; username: string }> {
  try {
    const { payload } = await jwtVerify(jwt, key, { algorithms: [ALGORITHM], issuer: ISSUER });
    const { jti, name } = payload;
    if (typeof jti === "string" && typeof name === "string") return { sessionId: jti, username: name };
  } catch (error) {
    // Only after the signature was found good does the library look at the time.
    if (error instanceof errors.JWTExpired)
      throw new HoldfastError("UNAUTHENTICATED", "The session has expired.", { hint: "Sign in again." });
    if (!(error instanceof errors.JOSEError)) throw error;
  }
  throw new HoldfastError("UNAUTHENTICATED", "The session token is not one of this server's.", {
    hint: "Sign in again.",
  });
}

/** Ends one session: its token is refused from then on. */
export async function closeSession(db: Database, sessionId: string): Promise<void> {
  await db
    .update(sessions)
    .set({ endedAt: sql`now()` })
    .where(and(eq(sessions.id, sessionId), isNull(sessions.endedAt)));
}

/** Ends every session of the user but one. */
export async function endSessions(db: Database, userId: string, except: string | null): Promise<void> {
  await db
    .update(sessions)
    .set({ endedAt: sql`now()` })
    .where(
      and(
        eq(sessions.userId, userId),
        isNull(sessions.endedAt),
        except === null ? undefined : ne(sessions.id, except),
      ),
    );
}
