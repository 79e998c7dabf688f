// Makes, lists and deletes the caller's own tokens at a server.
import { readEnvironment } from "../../config/environment.ts";
import { openServerApi, type Api } from "../client/api.ts";
import { requireConnection } from "../client/connection.ts";
import { CREATE_TOKEN, REVOKE_TOKEN, TOKENS } from "../client/listings.ts";
import { UsageError } from "../failure.ts";
import { printResult } from "../report.ts";
import type { ApiOptions } from "../server-options.ts";
import { formatTime } from "../terminal/format.ts";
import { renderTable } from "../terminal/table.ts";

export interface CreateTokenOptions extends ApiOptions {
  readonly name: string;
  readonly permissions?: readonly string[];
  /** RFC 3339. */
  readonly expires?: string;
}

export async function listTokens(options: ApiOptions, signal: AbortSignal): Promise<void> {
  await using api = await openApi(options, signal);
  const { tokens } = await api.execute(TOKENS, {});
  printResult(options, tokens, () =>
    renderTable(
      ["id", "name", "created", "ends", "last used", "permissions"].map((title) => ({ title })),
      tokens.map((token) => [
        token.id,
        token.name,
        formatTime(token.createdAt),
        token.expiresAt === null ? "never" : formatTime(token.expiresAt),
        token.lastUsedAt === null ? "never" : formatTime(token.lastUsedAt),
        token.permissions.join(" "),
      ]),
    ),
  );
}

/** The token alone is printed, so that a script can take it as it is. */
export async function createToken(options: CreateTokenOptions, signal: AbortSignal): Promise<void> {
  const { name, permissions, expires: expiresAt } = options;
  await using api = await openApi(options, signal);
  const { createToken } = await api.execute(CREATE_TOKEN, { input: { name, permissions, expiresAt } });
  const { token, accessToken } = createToken;
  printResult(options, { token, ...accessToken }, () => token);
}

export async function deleteToken(id: string, options: ApiOptions, signal: AbortSignal): Promise<void> {
  await using api = await openApi(options, signal);
  await api.execute(REVOKE_TOKEN, { id });
  printResult(options, { id }, () => `The token ${id} is deleted.`);
}

/** Tokens are an account's own, and whoever works on the database itself is none. */
async function openApi(options: ApiOptions, signal: AbortSignal): Promise<Api> {
  if (options.direct === true)
    throw new UsageError("Tokens are of accounts, and a server's to make.", "Name one with --server URL.");
  return openServerApi(await requireConnection(options, readEnvironment(process.env)), signal);
}
