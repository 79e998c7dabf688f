import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import { storeSink, storeSource } from "../../src/engine/artifact-io.ts";
import { openArtifact } from "../../src/engine/artifact-reader.ts";
import { readPortable } from "../../src/engine/portable-reader.ts";
import { writePortable } from "../../src/engine/portable-writer.ts";
import { restore } from "../../src/engine/restore.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { fingerprints, type Fingerprints } from "../support/fingerprints.ts";
import { EVERYTHING, openWorld, type World } from "./platform-world.ts";

const signal = new AbortController().signal;

async function* chunksOf(bytes: Uint8Array, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += sizeBytes) yield bytes.subarray(at, at + sizeBytes);
}

/** Reads a document into an artifact of its own. */
async function read(document: string | Buffer, sizeBytes = 64 * 1024) {
  const store = memoryStore();
  const bytes = Buffer.from(document);
  const manifest = await readPortable(chunksOf(bytes, sizeBytes), storeSink(store, "read"), signal);
  return { manifest, source: storeSource(store, "read"), store };
}

describe("the portable form of the platform", () => {
  let world: World;
  let document: string;
  let target: TestDatabase;

  beforeAll(async () => {
    world = await openWorld();
    const { artifactId } = await world.backUp(EVERYTHING);
    const artifact = await openArtifact(storeSource(world.store, artifactId));
    document = (await Array.fromAsync(writePortable(artifact, signal))).join("");
    target = await createDatabase({ migrated: true });
  });
  afterAll(async () => {
    await target.drop();
    await world[Symbol.asyncDispose]();
  });

  /** The fingerprints of a database into which the document was restored. */
  async function restored(text: string | Buffer): Promise<Fingerprints> {
    const { source } = await read(text);
    const sql = postgres(target.url, { max: 1, onnotice: () => undefined });
    await sql`TRUNCATE platform.users, platform.roles, platform.groups, platform.pipelines, platform.transformers,
      platform.alerts, platform.streams, platform.spaces, platform.variables, platform.config_values, platform.audit_logs CASCADE`;
    await sql.end();
    await restore(
      { databaseUrl: () => target.url, catalog: platformCatalog, source },
      { runId: randomUUID(), attempt: 1, mode: "MERGE", dryRun: false },
      { signal, onProgress: () => undefined },
    );
    return fingerprints(target.url);
  }

  it("is restored row for row", async () => {
    expect(await restored(document)).toEqual(await fingerprints(world.database.url));
  });

  it.each([
    ["re-indented", "."],
    ["with its keys sorted", "-S", "."],
    ["on one line", "-c", "."],
  ])("is restored row for row after jq has printed it %s", async (_, ...filter) => {
    const printed = execFileSync("jq", filter, { input: document, maxBuffer: 1e9 });
    expect(printed.toString()).not.toBe(document);
    expect(await restored(printed)).toEqual(await fingerprints(world.database.url));
  });

  it("has a row on each line, that jq finds by column", () => {
    const users = JSON.parse(
      execFileSync("jq", ['.tables[] | select(.name == "users") | .rows'], { input: document }).toString(),
    );
    expect(users).toHaveLength(60);
    expect(users[0]).toMatchObject({
      id: expect.any(Number),
      username: expect.any(String),
      disabled: expect.any(Boolean),
    });
    expect(
      document.split("\n").filter((line) => line.startsWith('{"id":') && line.includes('"username":')),
    ).toHaveLength(60);
  });

  it("is found incomplete wherever it is cut", async () => {
    const bytes = Buffer.from(document);
    const last = bytes.lastIndexOf("}");
    for (const end of [1, 50, 1000, Math.round(bytes.length / 2), last - 10, last])
      await expect(read(bytes.subarray(0, end))).rejects.toMatchObject({ code: "ARTIFACT_INCOMPLETE" });
  });

  it("leaves nothing of an artifact behind when it is cut short", async () => {
    const store = memoryStore();
    const half = Buffer.from(document).subarray(0, document.length / 2);
    await expect(readPortable(chunksOf(half, 1000), storeSink(store, "x"), signal)).rejects.toThrow(
      "cut short",
    );
    expect(await Array.fromAsync(store.list(""))).toEqual([]);
  });

  it("may be read a few bytes at a time", async () => {
    const { artifactId } = await world.backUp({ entities: ["ROLES", "SPACES"] });
    const artifact = await openArtifact(storeSource(world.store, artifactId));
    const text = (await Array.fromAsync(writePortable(artifact, signal))).join("");
    const { manifest } = await read(text, 3);
    // What drills need is in artifacts alone.
    const { parts: _, types: _types, extensions: _extensions, ...expected } = artifact.manifest;
    // How many bytes a row takes as COPY text is measured again, from what the JSON holds.
    const tables = expected.tables.map(({ rowsHash: _hash, ...table }) => ({
      ...table,
      rawBytes: expect.any(Number),
    }));
    expect(manifest).toMatchObject({ ...expected, tables });
  });
});
