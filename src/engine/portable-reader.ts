// Reads the portable form, and makes an artifact of it that is not encrypted: from there on it is restored, inspected and
// verified as any other. It may have been re-formatted, or its members put in another order (as by `jq -S`), as long as
// the document's id and time stand before its tables and a table's columns before its rows.
import { JsonTokens } from "../codec/json-tokens.ts";
import { encodeParts } from "../codec/part.ts";
import { ARTIFACT_VERSION, type Manifest, type ManifestPart, type ManifestTable } from "../core/artifact.ts";
import { HoldfastError } from "../core/errors.ts";
import {
  parsePortableColumns,
  parsePortableHead,
  parsePortableTableHead,
  PORTABLE_FORMAT,
} from "../core/portable.ts";
import type { ArtifactSink } from "./artifact-io.ts";
import { createArtifactWriter, type ArtifactWriter } from "./artifact-writer.ts";
import { readRows } from "./portable-rows.ts";

/**
 * @param chunks the document's bytes
 * @param sink where the artifact goes; nothing is left there when this rejects
 * @throws HoldfastError NOT_AN_ARTIFACT for another JSON, ARTIFACT_TOO_NEW; ARTIFACT_INCOMPLETE where the document, or a
 *   table's rows, are not all there; ARTIFACT_CORRUPT; what `chunks` throws; the signal's reason
 */
export async function readPortable(
  chunks: AsyncIterable<Uint8Array>,
  sink: ArtifactSink,
  signal: AbortSignal,
): Promise<Manifest> {
  const tokens = new JsonTokens(chunks);
  try {
    return await new PortableReading(tokens, sink, signal).read();
  } finally {
    await tokens.close();
  }
}

class PortableReading {
  readonly #tokens: JsonTokens;
  readonly #sink: ArtifactSink;
  readonly #signal: AbortSignal;
  readonly #tables: ManifestTable[] = [];
  readonly #parts: ManifestPart[] = [];
  #writer: ArtifactWriter | undefined;

  constructor(tokens: JsonTokens, sink: ArtifactSink, signal: AbortSignal) {
    this.#tokens = tokens;
    this.#sink = sink;
    this.#signal = signal;
  }

  async read(): Promise<Manifest> {
    try {
      const { id, createdAt, databases, entities } = parsePortableHead(await this.#readDocument());
      if (this.#writer === undefined)
        throw new HoldfastError("ARTIFACT_INCOMPLETE", "The document has no tables.");
      const manifest: Manifest = {
        format: "holdfast-manifest",
        version: ARTIFACT_VERSION,
        id,
        createdAt: new Date(createdAt).toISOString(),
        databases,
        entities,
        tables: this.#tables,
        parts: this.#parts,
      };
      await this.#writer.finish(manifest);
      return manifest;
    } catch (error) {
      await this.#writer?.abort();
      throw error;
    }
  }

  /** @returns the members beside the tables */
  async #readDocument(): Promise<unknown> {
    const start = await this.#tokens.next();
    if (start.name !== "startObject")
      throw new HoldfastError("NOT_AN_ARTIFACT", "The JSON is not the document of a backup.");
    const members = new Map<string, unknown>();
    for await (const name of this.#members("The document")) {
      if (name === "tables") await this.#readTables(members.get("id"), members.get("createdAt"));
      else members.set(name, await this.#tokens.value());
      // Another program's document is refused before all of it has been read.
      if (name === "format" && members.get(name) !== PORTABLE_FORMAT) break;
    }
    if (members.get("format") === PORTABLE_FORMAT) await this.#tokens.end();
    return Object.fromEntries(members);
  }

  async #readTables(id: unknown, createdAt: unknown): Promise<void> {
    if (typeof id !== "string" || typeof createdAt !== "string" || Number.isNaN(Date.parse(createdAt)))
      throw new HoldfastError("NOT_AN_ARTIFACT", "The document has no id and createdAt before its tables.");
    const writer = await createArtifactWriter(this.#sink, {
      id,
      createdAt: new Date(createdAt),
      encryption: { kind: "NONE" },
      signal: this.#signal,
    });
    this.#writer = writer;
    const start = await this.#tokens.next();
    if (start.name !== "startArray")
      throw new HoldfastError("ARTIFACT_CORRUPT", "The document's tables are no array.");
    for (;;) {
      const token = await this.#tokens.next();
      if (token.name === "endArray") return;
      if (token.name !== "startObject")
        throw new HoldfastError("ARTIFACT_CORRUPT", "One of the document's tables is no object.");
      await this.#readTable(writer);
    }
  }

  async #readTable(writer: ArtifactWriter): Promise<void> {
    const members = new Map<string, unknown>();
    let stored: { readonly rows: number; readonly rawBytes: number } | undefined;
    for await (const name of this.#members("A table of the document")) {
      if (name === "rows") stored = await this.#storeRows(writer, members);
      else members.set(name, await this.#tokens.value());
    }
    const head = parsePortableTableHead(Object.fromEntries(members));
    const label = `${head.schema}.${head.name}`;
    if (stored === undefined)
      throw new HoldfastError("ARTIFACT_INCOMPLETE", `The table ${label} has no rows.`);
    const rowCount = members.get("rowCount");
    if (rowCount !== stored.rows) {
      throw new HoldfastError(
        "ARTIFACT_INCOMPLETE",
        `The table ${label} has ${stored.rows} rows, and its rowCount is ${JSON.stringify(rowCount)}.`,
        { hint: "Correct rowCount if rows were added or taken out on purpose; otherwise use another copy." },
      );
    }
    this.#tables.push({ ...head, ...stored });
  }

  async #storeRows(writer: ArtifactWriter, members: ReadonlyMap<string, unknown>) {
    const columns = parsePortableColumns(members.get("columns")).filter(
      (column) => column.generated === null,
    );
    const table = this.#tables.length;
    const rows = readRows(this.#tokens, columns, String(members.get("name")));
    const options = { recipient: writer.recipient, signal: this.#signal };
    const { rows: count, rawBytes } = await encodeParts(rows, options, async (part) => {
      const stored = await writer.addPart(part);
      this.#parts.push({ ...stored, table, rows: part.rows, rawBytes: part.rawBytes });
    });
    return { rows: count, rawBytes };
  }

  /** The names of an object's members; the value of each is read before the next is asked for. */
  async *#members(what: string): AsyncGenerator<string> {
    const names = new Set<string>();
    for (;;) {
      const token = await this.#tokens.next();
      if (token.name === "endObject") return;
      if (token.name !== "keyValue") throw new Error(`a ${token.name} stands in the place of a key`);
      if (names.has(token.value))
        throw new HoldfastError("ARTIFACT_CORRUPT", `${what} has ${token.value} twice.`);
      names.add(token.value);
      yield token.value;
    }
  }
}
