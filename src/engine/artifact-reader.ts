// Opens an artifact and believes nothing of it before it is checked: the header's version, the index, that every object
// is there in full, the key, the manifest, and each part's hash before its rows.
import { openAge, type Opener } from "../codec/age.ts";
import { readVerified, readWithin, sha256, type ObjectSeal } from "../codec/digest.ts";
import { decodePart } from "../codec/part.ts";
import {
  HEADER_NAME,
  INDEX_NAME,
  KEY_NAME,
  manifestName,
  parseHeader,
  parseIndex,
  parseManifest,
  type ArtifactHeader,
  type ArtifactIndex,
  type EncryptionKind,
  type Manifest,
  type ManifestPart,
} from "../core/artifact.ts";
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import { giveWay } from "../core/right-of-way.ts";
import { checkIndex, checkManifest, type IndexedObjects } from "./artifact-check.ts";
import type { ArtifactSource } from "./artifact-io.ts";
import { signerOf } from "./artifact-signature.ts";

/** What opens an encrypted artifact; the one that its kind of encryption does not need is ignored. */
export interface Unlock {
  readonly passphrase?: string | undefined;
  /** Text with an age identity on a line of its own. */
  readonly identity?: string | undefined;
  /** The artifact's own identity, as `ArtifactReader` gives it: opens it again without the second that a passphrase takes. */
  readonly artifactIdentity?: string | undefined;
}

/** What is known of the artifact from elsewhere, such as the ledger, which remembers what was written. */
export interface Expectation {
  readonly id?: string | undefined;
  /** Given, an artifact of another kind is refused: nobody can put a plain one in the place of an encrypted one. */
  readonly encryption?: EncryptionKind | undefined;
  /**
   * Of the manifest as stored, from the index that `finish` gave. It commits to every row, and changing the passphrase
   * or the recipients leaves it as it is. Without it, who knows the recipients can make an artifact of the same id.
   */
  readonly manifestSha256?: string | undefined;
}

export interface ArtifactReader {
  readonly header: ArtifactHeader;
  readonly index: ArtifactIndex;
  readonly manifest: Manifest;
  /** The public key of whoever signed it, which need not be anybody who is trusted; null: nobody did. */
  readonly signedBy: string | null;
  /** Of the manifest as stored: see {@link Expectation}. */
  readonly manifestSha256: string;
  /** What parts and manifest are encrypted to: a secret; null where the artifact is not encrypted. */
  readonly artifactIdentity: string | null;
  /**
   * The COPY text of a part of the manifest, in chunks that may end anywhere. The part's stored bytes are held in
   * memory and have been checked before the first chunk; of its rows there is never more than a MiB.
   * @throws HoldfastError ARTIFACT_INCOMPLETE, ARTIFACT_CORRUPT or ARTIFACT_TAMPERED; STORE_FAILED; the signal's reason
   */
  readPart(part: ManifestPart, signal?: AbortSignal): AsyncIterable<Buffer>;
}

const HEADER_BYTES_MAX = 64 * 1024;
const KEY_BYTES_MAX = 1024 * 1024;
/** Half a million parts, which is 16 TiB of rows. */
const INDEX_BYTES_MAX = 64 * 1024 * 1024;
const MANIFEST_BYTES_MAX = 64 * 1024 * 1024;
/** A part holds 32 MiB of rows and then one more row, which PostgreSQL limits to 1 GiB. */
const PART_BYTES_MAX = 1152 * 1024 * 1024;

/**
 * Opens an artifact up to its manifest. Reads four small objects and the list of all; no part.
 * @param source stays the caller's to close
 * @throws HoldfastError as `readIndex`; PASSPHRASE_REQUIRED, WRONG_PASSPHRASE, IDENTITY_REQUIRED, WRONG_IDENTITY,
 *   BAD_INPUT for an identity that is none; ARTIFACT_TAMPERED where objects are whole but do not belong together
 */
export async function openArtifact(
  source: ArtifactSource,
  unlock: Unlock = {},
  signal?: AbortSignal,
  expected: Expectation = {},
): Promise<ArtifactReader> {
  const { header, index, objects, signedBy, manifestSha256 } = await readIndex(source, signal, expected);
  const read: ObjectReading = { source, objects, signal };
  const identity = header.encryption === "NONE" ? null : await readKey(read, header.encryption, unlock);
  signal?.throwIfAborted();
  const manifest = await readManifest(read, manifestName(header.encryption), identity);
  checkManifest(header, objects, manifest);
  return {
    header,
    index,
    manifest,
    signedBy,
    manifestSha256,
    artifactIdentity: identity,
    readPart: async function* (part, partSignal) {
      const bytes = await readObject({ source, objects, signal: partSignal }, part.name, PART_BYTES_MAX);
      for await (const chunk of decodePart(bytes, part, identity)) {
        partSignal?.throwIfAborted();
        yield chunk;
        await giveWay();
      }
    },
  };
}

/** What an artifact shows without its key. */
export interface IndexedArtifact {
  readonly header: ArtifactHeader;
  readonly index: ArtifactIndex;
  /** The index itself, as it is stored. */
  readonly indexSeal: ObjectSeal;
  /** The index's objects by name; each is there, and as long as it was. */
  readonly objects: IndexedObjects;
  /** As of an {@link ArtifactReader}. */
  readonly signedBy: string | null;
  readonly manifestSha256: string;
}

/**
 * Reads the header and the index, and holds the index against what is there. Needs no key, reads no part.
 * @throws HoldfastError NOT_AN_ARTIFACT, ARTIFACT_TOO_NEW, ARTIFACT_INCOMPLETE, ARTIFACT_CORRUPT, ARTIFACT_TAMPERED
 */
export async function readIndex(
  source: ArtifactSource,
  signal?: AbortSignal,
  expected: Expectation = {},
): Promise<IndexedArtifact> {
  const sizes = new Map<string, number>();
  for await (const { name, sizeBytes } of source.list()) sizes.set(name, sizeBytes);
  if (!sizes.has(HEADER_NAME)) {
    throw sizes.has(INDEX_NAME)
      ? new HoldfastError("ARTIFACT_INCOMPLETE", `The artifact has lost its ${HEADER_NAME}.`)
      : new HoldfastError("NOT_AN_ARTIFACT", `There is no ${HEADER_NAME}.`);
  }
  const headerBytes = await readWithin(source.read(HEADER_NAME, signal), HEADER_NAME, HEADER_BYTES_MAX);
  const header = parseHeader(parseJson(headerBytes, HEADER_NAME, "NOT_AN_ARTIFACT"));
  if (!sizes.has(INDEX_NAME))
    throw new HoldfastError(
      "ARTIFACT_INCOMPLETE",
      `The artifact has no ${INDEX_NAME}: it was never finished.`,
    );
  const indexBytes = await readWithin(source.read(INDEX_NAME, signal), INDEX_NAME, INDEX_BYTES_MAX);
  const index = parseIndex(parseJson(indexBytes, INDEX_NAME, "ARTIFACT_CORRUPT"));
  const objects = checkIndex(header, index);
  if (sealOf(objects, HEADER_NAME).sha256 !== sha256(headerBytes))
    throw new HoldfastError("ARTIFACT_CORRUPT", `${HEADER_NAME} does not hash to what was written.`);
  for (const object of objects.values()) checkPresent(object, sizes.get(object.name));
  const signedBy = signerOf(header, index);
  const indexSeal = { name: INDEX_NAME, sizeBytes: indexBytes.length, sha256: sha256(indexBytes) };
  const manifestSha256 = sealOf(objects, manifestName(header.encryption)).sha256;
  const indexed = { header, index, indexSeal, objects, signedBy, manifestSha256 };
  checkExpected(indexed, expected);
  return indexed;
}

/**
 * The artifact's own identity, which its parts and its manifest are encrypted to.
 * @throws HoldfastError PASSPHRASE_REQUIRED, WRONG_PASSPHRASE, IDENTITY_REQUIRED, WRONG_IDENTITY, ARTIFACT_*
 */
export async function unlockIdentity(
  source: ArtifactSource,
  { header, objects }: IndexedArtifact,
  unlock: Unlock,
  signal?: AbortSignal,
): Promise<string> {
  return readKey({ source, objects, signal }, header.encryption, unlock);
}

function checkPresent(object: ObjectSeal, foundBytes: number | undefined): void {
  if (foundBytes === undefined)
    throw new HoldfastError("ARTIFACT_INCOMPLETE", `The artifact has lost its ${object.name}.`);
  if (foundBytes === object.sizeBytes) return;
  throw new HoldfastError(
    foundBytes < object.sizeBytes ? "ARTIFACT_INCOMPLETE" : "ARTIFACT_CORRUPT",
    `${object.name} has ${foundBytes} bytes instead of ${object.sizeBytes}.`,
  );
}

function checkExpected({ header, manifestSha256 }: IndexedArtifact, expected: Expectation): void {
  const { id, encryption } = header;
  const found: Required<Expectation> = { id, encryption, manifestSha256 };
  for (const what of ["id", "encryption", "manifestSha256"] as const) {
    if (expected[what] === undefined || expected[what] === found[what]) continue;
    throw new HoldfastError(
      "ARTIFACT_TAMPERED",
      `Another artifact is in the place of the one that was written: its ${what} is ${found[what]}.`,
    );
  }
}

/** What reading an object takes. */
interface ObjectReading {
  readonly source: ArtifactSource;
  readonly objects: IndexedObjects;
  readonly signal: AbortSignal | undefined;
}

async function readKey(reading: ObjectReading, encryption: EncryptionKind, unlock: Unlock): Promise<string> {
  if (unlock.artifactIdentity !== undefined) return unlock.artifactIdentity;
  const opener = openerFor(encryption, unlock);
  const bytes = await readObject(reading, KEY_NAME, KEY_BYTES_MAX);
  const plain = await openAge(bytes, opener, KEY_NAME);
  if (plain === undefined) {
    throw "passphrase" in opener
      ? new HoldfastError("WRONG_PASSPHRASE", "The passphrase does not open the artifact.")
      : new HoldfastError(
          "WRONG_IDENTITY",
          "The identity is none of those that the artifact is encrypted to.",
        );
  }
  const identity = Buffer.concat([...plain])
    .toString("utf8")
    .trim();
  if (!/^AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}$/.test(identity))
    throw new HoldfastError("ARTIFACT_CORRUPT", `${KEY_NAME} does not hold an age identity.`);
  return identity;
}

function openerFor(encryption: EncryptionKind, unlock: Unlock): Opener {
  if (encryption === "PASSPHRASE") {
    if (unlock.passphrase === undefined)
      throw new HoldfastError("PASSPHRASE_REQUIRED", "The artifact is encrypted with a passphrase.");
    return { passphrase: unlock.passphrase };
  }
  if (unlock.identity === undefined)
    throw new HoldfastError("IDENTITY_REQUIRED", "The artifact is encrypted to age recipients.");
  return { identity: unlock.identity };
}

async function readManifest(
  reading: ObjectReading,
  name: string,
  identity: string | null,
): Promise<Manifest> {
  const bytes = await readObject(reading, name, MANIFEST_BYTES_MAX);
  if (identity === null) return parseManifest(parseJson(bytes, name, "ARTIFACT_CORRUPT"));
  const plain = await openAge(bytes, { identity }, name);
  if (plain === undefined)
    throw new HoldfastError("ARTIFACT_TAMPERED", `${name} is encrypted to another artifact's key.`);
  return parseManifest(parseJson(Buffer.concat([...plain]), name, "ARTIFACT_CORRUPT"));
}

/** An object of the index, whole and checked; it is there, or was a moment ago. */
async function readObject(reading: ObjectReading, name: string, limitBytes: number): Promise<Buffer> {
  const { source, objects, signal } = reading;
  const seal = sealOf(objects, name);
  if (seal.sizeBytes > limitBytes)
    throw new HoldfastError(
      "ARTIFACT_CORRUPT",
      `${name} is longer than the ${limitBytes} bytes it may have.`,
    );
  try {
    return await readVerified(source.read(name, signal), seal);
  } catch (error) {
    if (!isHoldfastError(error, "NOT_FOUND")) throw error;
    throw new HoldfastError("ARTIFACT_INCOMPLETE", `The artifact has lost its ${name}.`, { cause: error });
  }
}

function sealOf(objects: IndexedObjects, name: string): ObjectSeal {
  const seal = objects.get(name);
  if (seal === undefined) throw new HoldfastError("BAD_INPUT", `The artifact has no ${name}.`);
  return seal;
}

function parseJson(bytes: Buffer, name: string, code: "NOT_AN_ARTIFACT" | "ARTIFACT_CORRUPT"): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new HoldfastError(code, `${name} is not JSON.`, { cause: error });
  }
}
