// Verifications: a backup's artifact, read where it is kept, opened and counted, or restored for a trial.
import { readFile } from "node:fs/promises";
import type { EncryptionKind } from "../src/core/artifact.ts";
import { entityNamed } from "../src/core/catalog.ts";
import { judgeSignature } from "../src/core/authenticity.ts";
import { contentsOf } from "../src/core/contents.ts";
import { HoldfastError } from "../src/core/errors.ts";
import type { VerificationLevel } from "../src/core/run.ts";
import type { Unlock } from "../src/engine/artifact-reader.ts";
import { dropDrill } from "../src/engine/drill.ts";
import { verifyKept } from "../src/engine/verify-kept.ts";
import { findArtifact } from "../src/ledger/artifacts.ts";
import { learnContents } from "../src/ledger/kept.ts";
import { readTrust } from "../src/ledger/trusted-keys.ts";
import type { VerificationRun } from "../src/ledger/run-row.ts";
import type { WorkerDeps } from "./deps.ts";
import { processRun, type RunProcessor } from "./process-run.ts";

/** What is left is to be dropped, and whoever held it is gone or about to go. */
const DISCARD_TIMEOUT_MS = 60_000;

export function verificationHandler(deps: WorkerDeps): RunProcessor {
  const { stores, databaseUrl: serverUrl, catalog, ledger } = deps;
  return processRun(deps, "VERIFICATION", {
    async act({ run, secret, note, log, control }) {
      const artifact = await findArtifact(ledger, run.request.backupId);
      if (artifact === undefined) throw new HoldfastError("NOT_FOUND", "The backup is not there any more.");
      const depth = await depthOf(deps, run, artifact.encryption, secret());
      if (depth.level === "DRILL") await note(run.id);
      const order = { runId: run.id, artifact, ...depth };
      const {
        outcome: found,
        fault,
        signedBy,
        manifest,
      } = await verifyKept({ stores, serverUrl }, order, control);
      const noted = { ...found, note: depth.note };
      const keys = await readTrust(ledger, deps.signer.publicKey);
      const outcome =
        fault === undefined
          ? { ...noted, signature: judgeSignature(signedBy, keys, artifact.origin === "MADE") }
          : noted;
      if (fault === undefined) {
        // Of one that was imported or found encrypted, nobody knew yet.
        if (manifest !== undefined && artifact.contents.length === 0)
          await learnContents(ledger, artifact, contentsOf(catalog, manifest));
        return { outcome };
      }
      const { code, message, hint } = fault;
      log.error({ err: fault, code, backup: artifact.runId, outcome }, "the backup is not sound");
      return { failure: { code, message, hint }, outcome };
    },
    async discard(run) {
      const databases = new Set(run.entities.map((name) => entityNamed(catalog, name).database));
      const signal = AbortSignal.timeout(DISCARD_TIMEOUT_MS);
      await dropDrill(serverUrl, { runId: run.id, databases }, signal);
    },
  });
}

interface Depth {
  readonly level: VerificationLevel;
  readonly unlock: Unlock;
  readonly note: string | null;
}

/** As deep as was asked for; but where nobody was there to give a key, as deep as the keys at hand reach. */
async function depthOf(
  { drillIdentityFile }: WorkerDeps,
  { request: { level, unattended = false } }: VerificationRun,
  encryption: EncryptionKind,
  secret: string | undefined,
): Promise<Depth> {
  const noted = { level, note: null };
  if (!unattended || encryption === "NONE") {
    return { ...noted, unlock: encryption === "RECIPIENTS" ? { identity: secret } : { passphrase: secret } };
  }
  if (encryption === "RECIPIENTS" && drillIdentityFile !== undefined)
    return { ...noted, unlock: { identity: await readIdentity(drillIdentityFile) } };
  const why =
    encryption === "PASSPHRASE"
      ? "it is encrypted with a passphrase"
      : "no identity is configured for drills";
  const note = `Verified at the level STORED instead of ${level}: nobody was there to unlock the backup, and ${why}.`;
  return { level: "STORED", unlock: {}, note };
}

/** @throws HoldfastError CONFIG_INVALID where the file cannot be read */
async function readIdentity(file: string): Promise<string> {
  return readFile(file, "utf8").catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HoldfastError("CONFIG_INVALID", `The identity for drills cannot be read: ${reason}`, { cause });
  });
}
