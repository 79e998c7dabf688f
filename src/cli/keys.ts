// What a backup is encrypted to, and what opens it: from the options, the environment or the person at the terminal.
import { readFile, stat } from "node:fs/promises";
import type { EncryptionKind } from "../core/artifact.ts";
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import { checkRecipients } from "../codec/age.ts";
import type { ArtifactEncryption } from "../engine/artifact-writer.ts";
import type { Unlock } from "../engine/artifact-reader.ts";
import { UsageError, warn } from "./failure.ts";
import { obtainPassphrase } from "./terminal/passphrase.ts";
import type { EncryptOptions, UnlockOptions } from "./shared-options.ts";

/** Where keys may come from, beside the options. */
export interface KeySources {
  /** The value of HOLDFAST_PASSPHRASE. */
  readonly passphrase: string | undefined;
  readonly signal: AbortSignal;
}

/** Whether the options ask for any encryption. @throws UsageError where they contradict each other */
export function isEncrypted({ encrypt = false, recipient = [], passphraseFile }: EncryptOptions): boolean {
  if (recipient.length > 0 && (encrypt || passphraseFile !== undefined)) {
    throw new UsageError(
      "A backup is encrypted with a passphrase or to recipients, not both.",
      "Leave out --recipient, or --encrypt and --passphrase-file.",
    );
  }
  // Whoever has a passphrase at hand does not mean a backup that anybody can read.
  if (passphraseFile !== undefined && !encrypt)
    throw new UsageError("--passphrase-file is given without --encrypt.", "Add --encrypt.");
  return encrypt || recipient.length > 0;
}

/**
 * What a new artifact is to be encrypted to.
 * @throws UsageError where the options contradict each other, or a passphrase is due and nobody can be asked for it;
 *   HoldfastError BAD_RECIPIENT
 */
export async function obtainEncryption(
  options: EncryptOptions,
  sources: KeySources,
): Promise<ArtifactEncryption> {
  if (!isEncrypted(options)) return { kind: "NONE" };
  const { recipient: recipients = [], passphraseFile } = options;
  if (recipients.length > 0) {
    checkRecipients(recipients);
    return { kind: "RECIPIENTS", recipients };
  }
  return { kind: "PASSPHRASE", passphrase: await obtainNewPassphrase(passphraseFile, sources) };
}

/** @throws UsageError where it is nowhere and nobody can be asked for it */
export async function obtainNewPassphrase(
  file: string | undefined,
  { passphrase, signal }: KeySources,
): Promise<string> {
  try {
    return await obtainPassphrase({ purpose: "encrypt", file, fromEnvironment: passphrase, signal });
  } catch (error) {
    if (!isHoldfastError(error, "PASSPHRASE_REQUIRED")) throw error;
    throw new UsageError(error.message, error.hint);
  }
}

/**
 * What opens an artifact of the given kind; nobody is asked for what it does not need.
 * @throws UsageError for a file that cannot be read; HoldfastError PASSPHRASE_REQUIRED, IDENTITY_REQUIRED
 */
export async function obtainUnlock(
  encryption: EncryptionKind,
  { passphraseFile, identityFile }: UnlockOptions,
  { passphrase, signal }: KeySources,
): Promise<Unlock> {
  if (encryption === "NONE") return {};
  if (encryption === "PASSPHRASE") {
    const request = { purpose: "unlock", file: passphraseFile, fromEnvironment: passphrase, signal } as const;
    return { passphrase: await obtainPassphrase(request) };
  }
  if (identityFile === undefined) {
    throw new HoldfastError("IDENTITY_REQUIRED", "The backup is encrypted to age recipients.", {
      hint: "Give the file with one of their identities: --identity-file FILE.",
    });
  }
  return { identity: await readIdentityFile(identityFile) };
}

async function readIdentityFile(file: string): Promise<string> {
  try {
    if (((await stat(file)).mode & 0o077) !== 0)
      warn(`${file} can be read by other users; chmod 600 keeps it to yourself.`);
    return await readFile(file, "utf8");
  } catch (error) {
    throw new UsageError(
      `The identity file cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
