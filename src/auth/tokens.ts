// Personal access tokens: for scripts. A token is shown once, kept as a hash, and never does more than its owner may.
import { createHash, randomBytes } from "node:crypto";
import { and, arrayContained, desc, eq, or, sql } from "drizzle-orm";
import { HoldfastError } from "../core/errors.ts";
import { tokenUses } from "../ledger/tables.ts";
import { tokens, users } from "../platform/tables.ts";
import { recordAudit } from "./audit.ts";
import { TOKEN_PREFIX } from "./authorization.ts";
import type { Caller, TokenCaller } from "./caller.ts";
import type { AuthContext, Origin } from "./context.ts";
import { requirePermissions, resolvePermissions } from "./permissions.ts";
import { heldRoles } from "./roles.ts";

const MAX_NAME_CHARACTERS = 100;
/** How stale the time of a token's last use may be. */
const USE_INTERVAL = sql`interval '1 minute'`;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** PostgreSQL's "never ends" is no date in JavaScript. */
const expiresAt = sql<Date | null>`nullif(${tokens.expiresAt}, 'infinity')`.mapWith(tokens.expiresAt);

export interface AccessToken {
  readonly id: string;
  readonly name: string;
  /** What it may do now: its own permissions, as far as its owner has them. */
  readonly permissions: readonly string[];
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  /** To the minute. */
  readonly lastUsedAt: Date | null;
}

export interface TokenRequest {
  readonly name: string;
  /** Left out: all that the owner may, also what they are granted later; the caller's own where it is limited itself. */
  readonly permissions?: readonly string[] | null | undefined;
  /** Left out: never; or with the token that asks for it, if that one expires. */
  readonly expiresAt?: Date | null | undefined;
}

/**
 * Makes a token for the caller's own account.
 * @returns the token's text, which nobody can be told again, and what the list shows of it
 * @throws HoldfastError BAD_INPUT for an empty name, a permission that does not exist or a time that has passed;
 * FORBIDDEN for a permission that the caller lacks, or a life longer than that of the token that asks
 */
export async function createToken(
  context: AuthContext,
  caller: Caller,
  request: TokenRequest,
  origin: Origin = {},
): Promise<{ token: string; accessToken: AccessToken }> {
  const name = checkName(request.name);
  const permissions = permissionsOf(context, caller, request);
  const expires = expiryOf(caller, request);
  const token = TOKEN_PREFIX + randomBytes(32).toString("base64url");
  const row = await context.ledger.db.transaction(async (tx) => {
    const [row] = await tx
      .insert(tokens)
      .values({
        userId: BigInt(caller.userId),
        name,
        tokenHash: hashToken(token),
        permissions: permissions === null ? null : [...permissions],
        expiresAt: expires,
      })
      .returning({ id: tokens.id, createdAt: tokens.createdAt });
    if (row === undefined) throw new Error("an insert into tokens returned no row");
    await recordAudit(tx, {
      actor: caller.username,
      action: "token.created",
      target: `token:${row.id}`,
      address: origin.address,
      details: { name, permissions, expiresAt: expires?.toISOString() ?? null },
    });
    return row;
  });
  const effective = permissions ?? [...caller.permissions];
  const accessToken = { ...row, name, permissions: effective, expiresAt: expires, lastUsedAt: null };
  return { token, accessToken };
}

function checkName(text: string): string {
  const name = text.trim();
  if (name === "" || name.length > MAX_NAME_CHARACTERS || /\p{Cc}|\p{Cs}/u.test(name))
    throw new HoldfastError(
      "BAD_INPUT",
      `name: a token has a name of 1 to ${MAX_NAME_CHARACTERS} printable characters.`,
    );
  return name;
}

/** @returns null: all of the owner's, whatever they are at the time */
function permissionsOf(context: AuthContext, caller: Caller, request: TokenRequest): string[] | null {
  const asked = request.permissions ?? null;
  if (asked === null) return caller.via === "token" && caller.limited ? [...caller.permissions] : null;
  const unknown = asked.filter((permission) => !context.catalog.permissions.includes(permission));
  if (unknown.length > 0)
    throw new HoldfastError("BAD_INPUT", `permissions: there is no ${unknown.join(", ")}.`, {
      hint: `The permissions are ${context.catalog.permissions.join(", ")}.`,
    });
  requirePermissions(caller, asked);
  return [...resolvePermissions(context.catalog, [asked])];
}

function expiryOf(caller: Caller, request: TokenRequest): Date | null {
  const limit = caller.via === "token" ? caller.expiresAt : null;
  const asked = request.expiresAt ?? limit;
  if (asked === null) return null;
  if (Number.isNaN(asked.getTime()) || asked.getTime() <= Date.now())
    throw new HoldfastError("BAD_INPUT", "expiresAt: give a time that is yet to come.");
  if (limit !== null && asked > limit)
    throw new HoldfastError("FORBIDDEN", "A token makes no token that outlives it.", {
      hint: `Ask for one that expires by ${limit.toISOString()}, or sign in with the password.`,
    });
  return asked;
}

/** The caller's own tokens, the newest first. */
export async function listTokens(context: AuthContext, caller: Caller): Promise<AccessToken[]> {
  const rows = await context.ledger.db
    .select({
      id: tokens.id,
      name: tokens.name,
      permissions: tokens.permissions,
      createdAt: tokens.createdAt,
      expiresAt,
      lastUsedAt: tokenUses.lastUsedAt,
      roles: heldRoles,
    })
    .from(tokens)
    .innerJoin(users, eq(users.id, tokens.userId))
    .leftJoin(tokenUses, eq(tokenUses.tokenId, tokens.id))
    .where(eq(tokens.userId, BigInt(caller.userId)))
    .orderBy(desc(tokens.createdAt), tokens.id);
  return rows.map(({ roles, permissions, ...row }) => ({
    ...row,
    permissions: [...effectivePermissions(context, roles, permissions)],
  }));
}

/**
 * Deletes a token: it is refused from then on. Others' tokens take WRITE_ACLS. A token that may not do all that its owner may
 * takes only itself away, and those that may do no more than it.
 * @throws HoldfastError NOT_FOUND when there is none, or it is another's and the caller may not
 */
export async function revokeToken(
  context: AuthContext,
  caller: Caller,
  id: string,
  origin: Origin = {},
): Promise<void> {
  const mayRevokeAny = caller.permissions.has("WRITE_ACLS");
  const own = mayRevokeAny
    ? undefined
    : and(
        eq(tokens.userId, BigInt(caller.userId)),
        caller.via === "token" && caller.limited
          ? or(eq(tokens.id, caller.tokenId), arrayContained(tokens.permissions, [...caller.permissions, ""]))
          : undefined,
      );
  const revoked =
    UUID.test(id) &&
    (await context.ledger.db.transaction(async (tx) => {
      const [row] = await tx
        .delete(tokens)
        .where(and(eq(tokens.id, id), own))
        .returning({ name: tokens.name, userId: tokens.userId });
      if (row === undefined) return false;
      await tx.delete(tokenUses).where(eq(tokenUses.tokenId, id));
      await recordAudit(tx, {
        actor: caller.username,
        action: "token.revoked",
        target: `token:${id}`,
        address: origin.address,
        details: { name: row.name, userId: String(row.userId) },
      });
      return true;
    }));
  if (!revoked) throw new HoldfastError("NOT_FOUND", `There is no token ${id}.`);
}

/**
 * Who a token belongs to, with what it may do now: one query, and one more when its last use is to be noted.
 * The hash is looked up, not compared: finding one tells nothing of how near another guess was.
 * @throws HoldfastError UNAUTHENTICATED when it is unknown (or revoked) or expired, or its owner is disabled
 */
export async function authenticateToken(context: AuthContext, token: string): Promise<TokenCaller> {
  const { db } = context.ledger;
  const [row] = await db
    .select({
      tokenId: tokens.id,
      tokenPermissions: tokens.permissions,
      expiresAt,
      expired: sql<boolean>`coalesce(${tokens.expiresAt} <= now(), false)`,
      useIsNoted: sql<boolean>`coalesce(${tokenUses.lastUsedAt} > now() - ${USE_INTERVAL}, false)`,
      userId: users.id,
      username: users.username,
      disabled: users.disabled,
      roles: heldRoles,
    })
    .from(tokens)
    .innerJoin(users, eq(users.id, tokens.userId))
    .leftJoin(tokenUses, eq(tokenUses.tokenId, tokens.id))
    .where(eq(tokens.tokenHash, hashToken(token)));
  if (row === undefined)
    throw new HoldfastError("UNAUTHENTICATED", "The token is unknown; it may have been revoked.");
  if (row.expired) throw new HoldfastError("UNAUTHENTICATED", "The token has expired.");
  if (row.disabled) throw new HoldfastError("UNAUTHENTICATED", "The account is disabled.");
  if (!row.useIsNoted)
    await db
      .insert(tokenUses)
      .values({ tokenId: row.tokenId, lastUsedAt: sql`now()` })
      .onConflictDoUpdate({ target: tokenUses.tokenId, set: { lastUsedAt: sql`now()` } });
  return {
    via: "token",
    tokenId: row.tokenId,
    limited: row.tokenPermissions !== null,
    expiresAt: row.expiresAt,
    userId: String(row.userId),
    username: row.username,
    roles: row.roles.map((role) => role.name),
    permissions: effectivePermissions(context, row.roles, row.tokenPermissions),
  };
}

function effectivePermissions(
  context: AuthContext,
  roles: readonly { readonly permissions: readonly string[] }[],
  own: readonly string[] | null,
): Set<string> {
  const owners = resolvePermissions(
    context.catalog,
    roles.map((role) => role.permissions),
  );
  return own === null ? owners : new Set([...owners].filter((permission) => own.includes(permission)));
}

function hashToken(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
