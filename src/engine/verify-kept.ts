// Verifies an artifact that is kept in one store or in several: every copy of it, to the depth that is asked for.
import type { EncryptionKind, Manifest } from "../core/artifact.ts";
import { tableLabel } from "../core/catalog.ts";
import { HoldfastError, isHoldfastError, type ErrorCode } from "../core/errors.ts";
import { createProgressMeter } from "../core/progress.ts";
import type {
  RunControl,
  VerificationLevel,
  VerificationOutcome,
  VerifiedStore,
  VerifiedTable,
} from "../core/run.ts";
import type { Store } from "../store/store.ts";
import { storeSource } from "./artifact-io.ts";
import type { Expectation, Unlock } from "./artifact-reader.ts";
import { sourceFrom } from "./artifact-copies.ts";
import { drill, type DrillDeps } from "./drill.ts";
import { verifyContents, verifyStored, type OnBytes, type Verified } from "./verify.ts";

export interface KeptDeps extends Pick<DrillDeps, "serverUrl"> {
  /** By name. */
  readonly stores: ReadonlyMap<string, Store>;
}

/** An artifact as the ledger knows it. */
export interface KeptArtifact {
  readonly id: string;
  readonly encryption: EncryptionKind;
  /** Names of the stores that have it. */
  readonly stores: readonly string[];
  readonly sizeBytes: number;
  /** Of its manifest as stored; null: nobody has noted it down. */
  readonly manifestSha256: string | null;
}

export interface KeptVerification {
  readonly outcome: VerificationOutcome;
  /** What is wrong with it; undefined: nothing. */
  readonly fault: HoldfastError | undefined;
  /** The public key that every copy which is sound is signed with; null: not every one is, or not with the same. */
  readonly signedBy: string | null;
  /** What is in it, where the verification has opened it and found it sound. */
  readonly manifest?: Manifest;
}

export interface VerificationOrder {
  /** A UUID. */
  readonly runId: string;
  readonly artifact: KeptArtifact;
  readonly level: VerificationLevel;
  readonly unlock: Unlock;
}

/** What damage looks like. Anything else (a store that does not answer, a wrong key) says nothing about the artifact. */
const FAULTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "NOT_AN_ARTIFACT",
  "ARTIFACT_INCOMPLETE",
  "ARTIFACT_CORRUPT",
  "ARTIFACT_TAMPERED",
  "ARTIFACT_TOO_NEW",
  "CONFIG_INVALID",
]);
const READING = { reading: [0, 99] } as const;

/**
 * STORED reads every copy; CONTENTS besides opens one that is sound, of which the others are equal copies; DRILL restores one.
 * @throws HoldfastError for what keeps it from finding out: STORE_FAILED (after every other copy was read), a key that does
 *   not fit, all that `drill` throws but DRILL_FAILED; the signal's reason
 */
export async function verifyKept(
  deps: KeptDeps,
  order: VerificationOrder,
  control: RunControl,
): Promise<KeptVerification> {
  return order.level === "DRILL" ? drillKept(deps, order, control) : readKept(deps, order, control);
}

async function readKept(
  { stores }: KeptDeps,
  { artifact, level, unlock }: VerificationOrder,
  { signal, onProgress }: RunControl,
): Promise<KeptVerification> {
  const meter = createProgressMeter(READING, onProgress);
  meter.enter("reading", { rows: null, bytes: artifact.sizeBytes * artifact.stores.length });
  const onBytes: OnBytes = (bytes) => meter.add({ rows: 0, bytes, entity: null });
  const found: VerifiedStore[] = [];
  const faults: { readonly store: string; readonly error: HoldfastError }[] = [];
  let outage: HoldfastError | undefined;
  let manifest: Manifest | undefined;
  const signers = new Set<string | null>();
  const expected = expectationOf(artifact);
  for (const name of artifact.stores) {
    try {
      const source = storeSource(storeNamed(stores, name), artifact.id);
      const read: Verified & { readonly manifest?: Manifest } =
        level === "CONTENTS" && manifest === undefined
          ? await verifyContents(source, unlock, signal, onBytes, expected)
          : await verifyStored(source, signal, onBytes, expected);
      signers.add(read.signedBy);
      manifest ??= read.manifest;
      found.push({ store: name, objects: read.objects, sizeBytes: read.sizeBytes, fault: null });
    } catch (error) {
      signal.throwIfAborted();
      if (isHoldfastError(error, "STORE_FAILED")) outage ??= error;
      else if (isHoldfastError(error) && FAULTS.has(error.code)) {
        faults.push({ store: name, error });
        found.push({ store: name, objects: 0, sizeBytes: 0, fault: error.message });
      } else throw error;
    }
  }
  // What was found to be damaged is so whether or not another copy can be reached.
  if (faults.length === 0 && outage !== undefined) throw outage;
  meter.enter("done");
  const tables = manifest === undefined ? [] : soundTables(manifest);
  return {
    outcome: { level, note: null, stores: found, tables },
    fault: faultOf(faults),
    signedBy: (signers.size === 1 ? [...signers][0] : undefined) ?? null,
    ...(manifest && { manifest }),
  };
}

async function drillKept(
  { stores, serverUrl }: KeptDeps,
  { runId, artifact, unlock }: VerificationOrder,
  control: RunControl,
): Promise<KeptVerification> {
  const expected = expectationOf(artifact);
  const { encryption, manifestSha256 } = expected;
  const source = await sourceFrom(stores, artifact.stores, artifact.id, { encryption, manifestSha256 });
  const outcome = { level: "DRILL", note: null, stores: [] } as const;
  try {
    const { tables, manifest, signedBy } = await drill(
      { source, serverUrl },
      { runId, unlock, expected },
      control,
    );
    return { outcome: { ...outcome, tables }, fault: undefined, signedBy, manifest };
  } catch (error) {
    control.signal.throwIfAborted();
    if (isDrillFailure(error))
      return { outcome: { ...outcome, tables: error.details.tables }, fault: error, signedBy: null };
    if (!isHoldfastError(error) || !FAULTS.has(error.code)) throw error;
    return { outcome: { ...outcome, tables: [] }, fault: error, signedBy: null };
  }
}

type DrillFailure = HoldfastError & { readonly details: { readonly tables: readonly VerifiedTable[] } };

function isDrillFailure(error: unknown): error is DrillFailure {
  return isHoldfastError(error, "DRILL_FAILED") && Array.isArray(error.details?.["tables"]);
}

function storeNamed(stores: KeptDeps["stores"], name: string): Store {
  const store = stores.get(name);
  if (store !== undefined) return store;
  throw new HoldfastError("CONFIG_INVALID", `There is no store ${name} any more.`);
}

function expectationOf({ id, encryption, manifestSha256 }: KeptArtifact): Expectation {
  return { id, encryption, manifestSha256: manifestSha256 ?? undefined };
}

/** Every one of them was read, and held to the counts and hashes that the manifest has. */
function soundTables(manifest: Manifest): VerifiedTable[] {
  return manifest.tables.map((table) => ({
    entity: table.entity,
    table: tableLabel(table),
    rows: table.rows,
    foundRows: table.rows,
    fault: null,
  }));
}

function faultOf(
  faults: readonly { readonly store: string; readonly error: HoldfastError }[],
): HoldfastError | undefined {
  const [first] = faults;
  if (first === undefined) return undefined;
  const clauses = faults.map(({ store, error }) => `In the store ${store}: ${error.message}`);
  return new HoldfastError(first.error.code, clauses.join(" "), {
    hint: first.error.hint,
    cause: first.error,
  });
}
