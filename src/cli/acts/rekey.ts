// Writes an encrypted backup again under another key.
import { readEnvironment } from "../../config/environment.ts";
import { tarSink } from "../../engine/artifact-io.ts";
import { readIndex } from "../../engine/artifact-reader.ts";
import { checkRekeyable, rekeyArtifact, type RekeyOrder } from "../../engine/rekey.ts";
import { checkRecipients } from "../../codec/age.ts";
import { UsageError } from "../failure.ts";
import { openInput } from "../files/input.ts";
import { STANDARD, writeOutput } from "../files/output.ts";
import { obtainNewPassphrase, obtainUnlock } from "../keys.ts";
import { printResult } from "../report.ts";
import type { ReportOptions, UnlockOptions } from "../shared-options.ts";

export interface RekeyOptions extends UnlockOptions, ReportOptions {
  readonly input: string;
  readonly output: string;
  readonly recipient?: readonly string[];
  readonly newPassphraseFile?: string;
}

export async function runRekey(options: RekeyOptions, signal: AbortSignal): Promise<void> {
  const { passphrase } = readEnvironment(process.env);
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
  const { header } = await readIndex(input.source, signal);
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
    rekeyArtifact(input.source, tarSink(stream, new Date(header.createdAt)), { unlock, encryption }, signal),
  );
  printResult(
    options,
    { id, createdAt, encryption: encryption.kind, file: output },
    () => `Written to ${output} under the new key. The old file opens with the old one still.`,
    output === STANDARD ? process.stderr : process.stdout,
  );
}
