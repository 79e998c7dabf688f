// Says what a backup is, and what it holds.
import { readEnvironment } from "../../config/environment.ts";
import { tableLabel } from "../../core/catalog.ts";
import { isHoldfastError } from "../../core/errors.ts";
import type { Manifest } from "../../core/artifact.ts";
import { readIndex } from "../../engine/artifact-reader.ts";
import { openInput, type Input } from "../files/input.ts";
import type { KeySources } from "../keys.ts";
import { printResult } from "../report.ts";
import type { SignatureOptions, UnlockOptions } from "../shared-options.ts";
import { describeSignature, judgeInput } from "../signatures.ts";
import { formatBytes, formatCount, formatQuantity } from "../terminal/format.ts";
import { renderTable } from "../terminal/table.ts";
import { unlockInput } from "../unlocked-input.ts";

export interface InspectOptions extends UnlockOptions, SignatureOptions {
  readonly input: string;
  readonly json?: boolean;
}

export async function runInspect(options: InspectOptions, signal: AbortSignal): Promise<void> {
  const environment = readEnvironment(process.env);
  const { passphrase } = environment;
  await using input = await openInput(options.input, signal);
  const { header, index, signedBy } = await readIndex(input.source, signal);
  const signature = await judgeInput(signedBy, options, environment);
  const manifest = await readManifest(input, options, { passphrase, signal });
  const { id, createdAt, encryption } = header;
  const sizeBytes = index.objects.reduce((sum, object) => sum + object.sizeBytes, 0);
  const facts = {
    id,
    createdAt,
    encryption,
    form: input.form,
    objects: index.objects.length,
    sizeBytes,
    signature,
  };
  const contents = manifest === undefined ? { contents: null } : contentsOf(manifest);
  printResult(options, { ...facts, ...contents }, () =>
    [
      `id          ${id}`,
      `made        ${createdAt}`,
      `encryption  ${encryption}`,
      `signature   ${describeSignature(signature)}`,
      `stored      ${formatQuantity(facts.objects, "object")}, ${formatBytes(sizeBytes)}`,
      ...(manifest === undefined
        ? ["contents    encrypted: give the passphrase or the identity to see them"]
        : ["", describeContents(manifest)]),
    ].join("\n"),
  );
}

/** Undefined where the artifact is locked and nobody is there to open it. */
async function readManifest(
  input: Input,
  options: UnlockOptions,
  sources: KeySources,
): Promise<Manifest | undefined> {
  try {
    return (await unlockInput(input, options, sources)).artifact.manifest;
  } catch (error) {
    if (isHoldfastError(error, "PASSPHRASE_REQUIRED") || isHoldfastError(error, "IDENTITY_REQUIRED"))
      return undefined;
    throw error;
  }
}

function contentsOf({ databases, entities, tables, parts }: Manifest) {
  return {
    databases,
    entities,
    tables: tables.map(({ entity, database, schema, name, rows, rawBytes }) => ({
      ...{ entity, database, table: tableLabel({ schema, name }), rows, rawBytes },
    })),
    parts: parts.length,
  };
}

function describeContents({ databases, entities, tables }: Manifest): string {
  const groups = new Map(entities.map((entity) => [entity.name, entity.group]));
  const lines = databases.map(
    ({ name, serverVersion, snapshotAt }) =>
      `database    ${name}, PostgreSQL ${serverVersion}, as it was at ${snapshotAt}`,
  );
  const table = renderTable(
    [
      { title: "group" },
      { title: "entity" },
      { title: "table" },
      { title: "rows", align: "right" },
      { title: "as text", align: "right" },
    ],
    tables.map((entry) => [
      groups.get(entry.entity) ?? "",
      entry.entity,
      tableLabel(entry),
      formatCount(entry.rows),
      formatBytes(entry.rawBytes),
    ]),
  );
  return [...lines, "", table].join("\n");
}
