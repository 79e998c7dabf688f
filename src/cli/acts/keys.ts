// The key that this installation signs backups with, and those that a server trusts.
import { readEnvironment } from "../../config/environment.ts";
import { HoldfastError } from "../../core/errors.ts";
import { openApi } from "../client/api.ts";
import { DISTRUST_KEY, SIGNING_KEYS, TRUST_KEY } from "../client/signing-keys.ts";
import { printResult } from "../report.ts";
import type { ApiOptions } from "../server-options.ts";
import { findSigner } from "../signatures.ts";
import { formatTime } from "../terminal/format.ts";
import { renderTable } from "../terminal/table.ts";

export interface ShowKeyOptions {
  readonly json?: boolean;
  readonly dataDir?: string;
}

/** The key alone is printed, so that a script can take it as it is. */
export async function showKey(options: ShowKeyOptions): Promise<void> {
  const environment = readEnvironment(process.env);
  const dataDir = options.dataDir ?? environment.dataDir;
  // A directory that is named is another installation's, whatever the environment's secret is.
  const place = options.dataDir === undefined ? environment : { dataDir, secretKey: undefined };
  const signer = await findSigner(place);
  if (signer === undefined) {
    throw new HoldfastError(
      "NOT_FOUND",
      `There is no secret key in ${dataDir}, and so no key to sign with.`,
      {
        hint: "A server makes one when it first starts; or set HOLDFAST_SECRET_KEY, or name its --data-dir.",
      },
    );
  }
  const { publicKey } = signer;
  printResult(options, { publicKey }, () => publicKey);
}

export async function listKeys(options: ApiOptions, signal: AbortSignal): Promise<void> {
  await using api = await openApi(options, signal);
  const { signingKeys } = await api.execute(SIGNING_KEYS, {});
  printResult(options, signingKeys, () =>
    renderTable(
      ["key", "name", "since", "trusted by"].map((title) => ({ title })),
      signingKeys.map(({ publicKey, name, current, own, trustedAt, trustedBy }) => [
        publicKey,
        own && !current ? `${name} (former key)` : name,
        formatTime(trustedAt),
        trustedBy ?? "",
      ]),
    ),
  );
}

export interface TrustKeyOptions extends ApiOptions {
  readonly name: string;
}

export async function trustKey(
  publicKey: string,
  options: TrustKeyOptions,
  signal: AbortSignal,
): Promise<void> {
  await using api = await openApi(options, signal);
  const { trustSigningKey } = await api.execute(TRUST_KEY, { input: { publicKey, name: options.name } });
  printResult(
    options,
    trustSigningKey,
    () => `Backups that ${trustSigningKey.name} has signed are restored from now on as the server's own are.`,
  );
}

export async function distrustKey(
  publicKey: string,
  options: ApiOptions,
  signal: AbortSignal,
): Promise<void> {
  await using api = await openApi(options, signal);
  await api.execute(DISTRUST_KEY, { publicKey });
  printResult(options, { publicKey }, () => "The key is trusted no more.");
}
