import { randomUUID } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { storeSink, storeSource } from "../../src/engine/artifact-io.ts";
import { openArtifact } from "../../src/engine/artifact-reader.ts";
import { createArtifactWriter } from "../../src/engine/artifact-writer.ts";
import { extractArtifact } from "../../src/engine/extract.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { CREATED_AT, manifestOf, sample, sourceOf, tableNamed } from "./artifact-fixture.ts";

const { signal } = new AbortController();

async function emptyDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), "holdfast-extract-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}

it("every table's rows are there as COPY text and as JSON lines, and the manifest says which columns they have", async () => {
  const { objects, manifest, texts } = await sample({ kind: "PASSPHRASE", passphrase: "correct horse" });
  const directory = await emptyDirectory();
  const artifact = await openArtifact(await sourceOf(objects), { passphrase: "correct horse" });
  const names = await extractArtifact(artifact, directory, signal);
  expect((await readdir(directory)).toSorted()).toEqual(names.toSorted());

  const read = (name: string) => readFile(path.join(directory, name));
  expect(JSON.parse((await read("manifest.json")).toString())).toEqual(manifest);
  for (const [position, table] of manifest.tables.entries()) {
    const copy = Buffer.concat(texts.filter((_, at) => manifest.parts[at]?.table === position));
    expect(await read(`public.${table.name}.copy`)).toEqual(copy);
    const lines = (await read(`public.${table.name}.jsonl`)).toString().split("\n").slice(0, -1);
    expect(lines).toHaveLength(table.rows);
    if (table.rows > 7)
      expect(JSON.parse(lines[7] ?? "")).toEqual({
        id: "7",
        what: "user 7 signed in",
        note: null,
        lines: "one\ntwo",
      });
  }
  for (const name of names) expect((await stat(path.join(directory, name))).mode & 0o777).toBe(0o600);
});

it("no name of a table leads out of the directory, and no two tables share a file", async () => {
  const names = ["../../out", "a.b", "a%2eb", "a\\b", ".", "C:x"];
  const store = memoryStore();
  const id = randomUUID();
  const writer = await createArtifactWriter(storeSink(store, "x"), {
    id,
    createdAt: CREATED_AT,
    encryption: { kind: "NONE" },
  });
  const tables = [...names.map(tableNamed), { ...tableNamed("b"), schema: "public.a" }];
  await writer.finish(manifestOf(id, tables));
  const directory = await emptyDirectory();
  const files = await extractArtifact(await openArtifact(storeSource(store, "x")), directory, signal);
  expect(new Set(files).size).toBe(1 + 2 * tables.length);
  expect((await readdir(directory)).toSorted()).toEqual(files.toSorted());
});
