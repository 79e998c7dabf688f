// A small artifact of each kind, as objects that tests may change at will.
import { randomUUID } from "node:crypto";
import { sha256 } from "../../src/codec/digest.ts";
import { encodeParts } from "../../src/codec/part.ts";
import { installationSigner, type Signer } from "../../src/codec/signature.ts";
import {
  ARTIFACT_VERSION,
  INDEX_NAME,
  type Manifest,
  type ManifestPart,
  type ManifestTable,
} from "../../src/core/artifact.ts";
import {
  storeSource,
  storeSink,
  type ArtifactSink,
  type ArtifactSource,
} from "../../src/engine/artifact-io.ts";
import { openArtifact, type Expectation, type Unlock } from "../../src/engine/artifact-reader.ts";
import { createArtifactWriter, type ArtifactEncryption } from "../../src/engine/artifact-writer.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { collect, copyText } from "../codec/fixtures.ts";

export const CREATED_AT = new Date("2026-11-22T10:00:00.000Z");

/** The same name is the same key. */
export const signerNamed = (name: string): Signer => installationSigner(name);

/** Names of objects, and their bytes. */
export type Objects = ReadonlyMap<string, Buffer>;

export interface Sample {
  readonly id: string;
  readonly objects: Objects;
  readonly manifest: Manifest;
  /** The COPY text of each part, in the manifest's order. */
  readonly texts: readonly Buffer[];
}

export function tableNamed(name: string): ManifestTable {
  const column = { nullable: true, generated: null, identity: null };
  return {
    schema: "public",
    name,
    entity: name.toUpperCase(),
    database: "app",
    columns: ["id", "what", "note", "lines"].map((name) => ({ ...column, name, type: "text" })),
    key: ["id"],
    foreignKeys: [],
    sequences: [],
    rows: 0,
    rawBytes: 0,
  };
}

/** A manifest of no parts yet. */
export function manifestOf(id: string, tables: ManifestTable[]): Manifest {
  return {
    format: "holdfast-manifest",
    version: ARTIFACT_VERSION,
    id,
    createdAt: CREATED_AT.toISOString(),
    databases: [
      { name: "app", serverVersion: "18.4", encoding: "UTF8", snapshotAt: CREATED_AT.toISOString() },
    ],
    entities: tables.map(({ entity }) => ({ name: entity, group: "G", label: entity })),
    tables,
    parts: [],
  };
}

/** Writes two tables of three parts each and one of none. */
export async function writeSample(
  sink: ArtifactSink,
  encryption: ArtifactEncryption,
  id: string = randomUUID(),
  signer?: Signer,
): Promise<Omit<Sample, "objects">> {
  const writer = await createArtifactWriter(sink, { id, createdAt: CREATED_AT, encryption, signer });
  const tables = ["users", "events", "nothing"].map(tableNamed);
  const parts: ManifestPart[] = [];
  const texts = new Map<string, Buffer>();
  for (const [table, rows] of [30, 3000].entries()) {
    const text = copyText(rows);
    const batches = async function* () {
      for (let from = 0; from < text.length;) {
        const to = text.indexOf("\n", from + text.length / 3) + 1 || text.length;
        const bytes = text.subarray(from, to);
        yield { bytes, rows: bytes.filter((byte) => byte === 0x0a).length, endsRow: true };
        from = to;
      }
    };
    let at = 0;
    await encodeParts(batches(), { recipient: writer.recipient, partRawBytes: 1 }, async (part) => {
      const stored = await writer.addPart(part);
      parts.push({ ...stored, table, rows: part.rows, rawBytes: part.rawBytes });
      texts.set(stored.name, text.subarray(at, (at += part.rawBytes)));
    });
    tables[table] = { ...tableNamed(table === 0 ? "users" : "events"), rows, rawBytes: text.length };
  }
  const manifest = { ...manifestOf(id, tables), parts };
  await writer.finish(manifest);
  return { id, manifest, texts: parts.map(({ name }) => texts.get(name) ?? Buffer.alloc(0)) };
}

export async function sample(encryption: ArtifactEncryption, id?: string, signer?: Signer): Promise<Sample> {
  let written: Omit<Sample, "objects"> | undefined;
  const objects = await objectsOf(async (sink) => {
    written = await writeSample(sink, encryption, id, signer);
  });
  if (written === undefined) throw new Error("nothing was written");
  return { ...written, objects };
}

/** What is written into a store. */
export async function objectsOf(write: (sink: ArtifactSink) => Promise<unknown>): Promise<Objects> {
  const store = memoryStore();
  await write(storeSink(store, "x"));
  const objects = new Map<string, Buffer>();
  for await (const { key } of store.list("x/")) objects.set(key.slice(2), await collect(store.get(key)));
  return objects;
}

/** The objects in a store of their own. */
export async function sourceOf(objects: Objects): Promise<ArtifactSource> {
  const store = memoryStore();
  for (const [name, bytes] of objects) await store.put(`x/${name}`, bytes);
  return storeSource(store, "x");
}

/** Opens it and reads every part. */
export async function readAll(
  source: ArtifactSource,
  unlock?: Unlock,
  expected?: Expectation,
): Promise<Buffer[]> {
  const artifact = await openArtifact(source, unlock, undefined, expected);
  const texts: Buffer[] = [];
  for (const part of artifact.manifest.parts) texts.push(await collect(artifact.readPart(part)));
  return texts;
}

/** With some objects replaced, or removed where there is undefined. */
export function changed(
  objects: Objects,
  changes: Readonly<Record<string, Buffer | string | undefined>>,
): Objects {
  const copy = new Map(objects);
  for (const [name, bytes] of Object.entries(changes)) {
    if (bytes === undefined) copy.delete(name);
    else copy.set(name, Buffer.from(bytes));
  }
  return copy;
}

export function jsonOf(objects: Objects, name: string): Record<string, unknown> {
  return JSON.parse((objects.get(name) ?? Buffer.alloc(0)).toString()) as Record<string, unknown>;
}

/** What somebody does who may write to the store and knows the format: the index made to fit the objects. */
export function reindexed(
  objects: Objects,
  changes: Readonly<Record<string, Buffer | string | undefined>> = {},
): Objects {
  const all = changed(objects, changes);
  const index = {
    ...jsonOf(objects, INDEX_NAME),
    objects: [...all]
      .filter(([name]) => name !== INDEX_NAME)
      .map(([name, bytes]) => ({ name, sizeBytes: bytes.length, sha256: sha256(bytes) })),
  };
  return changed(all, { [INDEX_NAME]: JSON.stringify(index) });
}
