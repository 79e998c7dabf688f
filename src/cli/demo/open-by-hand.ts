// The commands by which stock tools open an artifact, exact enough to be pasted.
import path from "node:path";
import { tableLabel, type TableName } from "../../core/catalog.ts";
import type { Manifest } from "../../core/artifact.ts";
import { openArtifact } from "../../engine/artifact-reader.ts";
import { storeSource } from "../../engine/artifact-io.ts";
import { fsStore } from "../../store/fs.ts";

export interface ArtifactPlace {
  /** Of the file store. */
  readonly storeDirectory: string;
  readonly artifactId: string;
  readonly passphrase: string;
}

/** What is shown: a small table whose types every PostgreSQL has. */
const TABLE: TableName = { schema: "platform", name: "roles" };

/** Shell commands, each with what it is for; `age` asks for the passphrase, and `$URL` is any database. */
export async function commandsByHand(
  place: ArtifactPlace,
): Promise<readonly (readonly [means: string, line: string])[]> {
  const store = fsStore({ directory: place.storeDirectory });
  try {
    const { manifest } = await openArtifact(storeSource(store, place.artifactId), {
      passphrase: place.passphrase,
    });
    const { part, columns } = locate(manifest, TABLE);
    const rows = `age -d -i key.age ${part} | zstd -d`;
    const columnList = columns.map(({ name, type }) => `  ${name} ${type}`).join(",\n");
    return [
      [
        "The artifact: header, key, parts, manifest, index",
        `cd ${nearest(path.join(place.storeDirectory, place.artifactId))}`,
      ],
      ["What is inside", "age -d -i key.age manifest.json.age | head -c 1000"],
      [`The rows of ${tableLabel(TABLE)}, as COPY text`, rows],
      [
        "The same in a database of yours",
        `psql "$URL" -c 'CREATE TABLE ${TABLE.name} (
${columnList})'`,
      ],
      [
        "",
        `${rows} |
  psql "$URL" -c 'COPY ${TABLE.name} FROM STDIN'`,
      ],
      [
        "The artifact as one file",
        "tar -cf ../backup.tar holdfast.json key.age parts/* \\\n  manifest.json.age index.json",
      ],
    ];
  } finally {
    await store.close();
  }
}

function locate(
  manifest: Manifest,
  table: TableName,
): { part: string; columns: Manifest["tables"][number]["columns"] } {
  const at = manifest.tables.findIndex((entry) => tableLabel(entry) === tableLabel(table));
  const part = manifest.parts.find((entry) => entry.table === at);
  const columns = manifest.tables[at]?.columns;
  if (part === undefined || columns === undefined)
    throw new Error(`The artifact holds no rows of ${tableLabel(table)}.`);
  return { part: part.name, columns };
}

/** As it is written shortest from where the reader is. */
function nearest(directory: string): string {
  const relative = path.relative(process.cwd(), directory);
  return relative.startsWith("..") ? directory : relative;
}
