// Takes an artifact apart into plain files: COPY text for psql, JSON lines for everything else.
import { open, writeFile } from "node:fs/promises";
import path from "node:path";
import type { ManifestTable } from "../core/artifact.ts";
import type { ArtifactReader } from "./artifact-reader.ts";
import { tableRows, type OnRows } from "./portable-writer.ts";

/**
 * Writes `manifest.json`, and for every table `<schema>.<name>.copy` (what `COPY ... FROM` takes, for the columns of the
 * manifest that are not generated) and `<schema>.<name>.jsonl` (a JSON object a line, as in the portable form).
 * @param directory is there, and empty
 * @returns the names of the files
 */
export async function extractArtifact(
  artifact: ArtifactReader,
  directory: string,
  signal: AbortSignal,
  onRows: OnRows = () => undefined,
): Promise<string[]> {
  const { manifest } = artifact;
  const names = ["manifest.json"];
  await writeFile(path.join(directory, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`, {
    mode: 0o600,
  });
  for (const [position, table] of manifest.tables.entries()) {
    const stem = fileStem(table);
    names.push(`${stem}.copy`, `${stem}.jsonl`);
    await write(path.join(directory, `${stem}.copy`), copyText(artifact, position, signal));
    await write(path.join(directory, `${stem}.jsonl`), jsonLines(artifact, position, signal, onRows));
  }
  return names;
}

async function* copyText(
  artifact: ArtifactReader,
  position: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (const part of artifact.manifest.parts)
    if (part.table === position) yield* artifact.readPart(part, signal);
}

async function* jsonLines(
  artifact: ArtifactReader,
  position: number,
  signal: AbortSignal,
  onRows: OnRows,
): AsyncGenerator<string> {
  for await (const rows of tableRows(artifact, position, signal, onRows)) yield `${rows.join("\n")}\n`;
}

async function write(file: string, chunks: AsyncIterable<Uint8Array | string>): Promise<void> {
  const handle = await open(file, "wx", 0o600);
  try {
    await handle.writeFile(chunks);
  } finally {
    await handle.close();
  }
}

/** Names of tables may hold anything, a slash among it; of two tables no two stems are the same. */
function fileStem(table: ManifestTable): string {
  return [table.schema, table.name]
    .map((name) =>
      name.replaceAll(
        /[%./\\:\0]/g,
        (character) => `%${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
      ),
    )
    .join(".");
}
