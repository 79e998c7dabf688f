// Writes an encrypted backup again under another key.
import { readEnvironment } from "../../config/environment.ts";
import { isVouched } from "../../core/authenticity.ts";
import { tarSink } from "../../engine/artifact-io.ts";
import { readIndex } from "../../engine/artifact-reader.ts";
import { checkRekeyable, rekeyArtifact, type RekeyOrder } from "../../engine/rekey.ts";
import { checkRecipients } from "../../codec/age.ts";
import { UsageError } from "../failure.ts";
import { openInput } from "../files/input.ts";
import { STANDARD, writeOutput } from "../files/output.ts";
import { obtainNewPassphrase, obtainUnlock } from "../keys.ts";
import { printResult } from "../report.ts";
import type { ReportOptions, SignatureOptions, UnlockOptions } from "../shared-options.ts";
import { findSigner, judgeInput } from "../signatures.ts";

export interface RekeyOptions extends UnlockOptions, SignatureOptions, ReportOptions {
  readonly input: string;
  readonly output: string;
  readonly recipient?: readonly string[];
  readonly newPassphraseFile?: string;
}

const UNSIGNED_NOW =
  "It is not signed any more: what it was signed with is not known here (--trust KEY), or there is no key to sign with.";

export async function runRekey(options: RekeyOptions, signal: AbortSignal): Promise<void> {
  const environment = readEnvironment(process.env);
  const { passphrase } = environment;
  const { recipient: recipients = [], newPassphraseFile, output } = options;
  if (recipients.length > 0 && newPassphraseFile !== undefined)
    throw new UsageError("A backup is encrypted with a passphrase or to recipients, not both.");
  if (output === STANDARD && process.stdout.isTTY)
    throw new UsageError(
      "An artifact is not for a terminal.",
      "Give --output FILE, or pipe it into something.",
    );
  if (recipients.length > 0) checkRecipients(recipients);

  await using input = await openInput(options.input, signal);
  const { header, signedBy } = await readIndex(input.source, signal);
  const before = await judgeInput(signedBy, options, environment);
  // Only what was known to be genuine is signed again.
  const signer = isVouched(before) ? await findSigner(environment) : undefined;
  checkRekeyable(header);
  const unlock = await obtainUnlock(header.encryption, options, { passphrase, signal });
  const encryption: RekeyOrder["encryption"] =
    recipients.length > 0
      ? { kind: "RECIPIENTS", recipients }
      : {
          kind: "PASSPHRASE",
          // HOLDFAST_PASSPHRASE is what opens it now.
          passphrase: await obtainNewPassphrase(newPassphraseFile, { passphrase: undefined, signal }),
        };
  const { id, createdAt } = await writeOutput(output, ({ stream }) =>
    rekeyArtifact(
      input.source,
      tarSink(stream, new Date(header.createdAt)),
      { unlock, encryption, signerAfter: () => signer },
      signal,
    ),
  );
  printResult(
    options,
    { id, createdAt, encryption: encryption.kind, file: output, signedBy: signer?.publicKey ?? null },
    () =>
      [
        `Written to ${output} under the new key. The old file opens with the old one still.`,
        ...(signer === undefined && signedBy !== null ? [UNSIGNED_NOW] : []),
      ].join("\n"),
    output === STANDARD ? process.stderr : process.stdout,
  );
}
