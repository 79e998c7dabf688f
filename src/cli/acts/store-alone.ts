// Lists and prunes what lies in a store, with no ledger: on a host that has the backups, and nothing else of their server.
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { readConfiguration } from "../../config/configuration.ts";
import { readEnvironment, type Environment } from "../../config/environment.ts";
import { HoldfastError } from "../../core/errors.ts";
import { checkRetention, decideRetention, type RetentionDecision } from "../../core/retention.ts";
import { checkTimeZone } from "../../core/cron.ts";
import type { Unlock } from "../../engine/artifact-reader.ts";
import { deleteFrom } from "../../engine/artifact-stores.ts";
import { readStored, type StoredArtifact } from "../../engine/stored-artifacts.ts";
import { openStores } from "../../runtime/open-stores.ts";
import { fsStore } from "../../store/fs.ts";
import type { Store } from "../../store/store.ts";
import { UsageError, warn } from "../failure.ts";
import { printResult } from "../report.ts";
import type { RetentionInput } from "../client/keeping.ts";
import type { UnlockOptions } from "../shared-options.ts";
import { formatBytes, formatCount, formatQuantity, formatTime } from "../terminal/format.ts";
import { renderTable } from "../terminal/table.ts";

export interface StoreAloneOptions extends UnlockOptions {
  /** A directory, or the name of a store of the configuration. */
  readonly store: string;
  readonly json?: boolean;
}

type Whole = Extract<StoredArtifact, { state: "WHOLE" }>;

export async function listStored(options: StoreAloneOptions, signal: AbortSignal): Promise<void> {
  await using opened = new AsyncDisposableStack();
  const store = await openAlone(options, opened);
  const found = await Array.fromAsync(readStored(store, await unlockOf(options), signal));
  const newestFirst = found.toSorted((left, right) => timeOf(right) - timeOf(left));
  printResult(options, newestFirst.map(describe), () =>
    renderTable(
      [
        ...["id", "made", "state", "encryption"].map((title) => ({ title })),
        ...["rows", "size"].map((title) => ({ title, align: "right" as const })),
        { title: "entities, or what is wrong" },
      ],
      newestFirst.map((artifact) => {
        const { id, state } = artifact;
        if (artifact.state !== "WHOLE") return [id, "·", state, "·", "·", "·", artifact.message];
        const { header, sizeBytes, manifest } = artifact;
        return [
          ...[id, formatTime(header.createdAt), state, header.encryption],
          manifest === undefined ? "·" : formatCount(rowsOf(manifest)),
          formatBytes(sizeBytes),
          manifest === undefined ? "not opened" : manifest.entities.map(({ name }) => name).join(" "),
        ];
      }),
    ),
  );
}

export interface PruneAloneOptions extends StoreAloneOptions {
  readonly retention: RetentionInput;
  readonly dryRun: boolean;
  /** Backups that cannot be opened are taken for one series. */
  readonly asOne?: boolean;
  readonly timeZone?: string;
}

/**
 * Applies a policy to what lies in the store. A store knows no schedules: backups of the same entities are one series. What was
 * never finished, and what cannot be read, is neither counted nor deleted.
 * @throws UsageError where it is not known what backups hold, and nobody said that they are of one kind
 */
export async function pruneStored(options: PruneAloneOptions, signal: AbortSignal): Promise<void> {
  const { dryRun, asOne = false, timeZone = "UTC" } = options;
  const retention = checkRetention(options.retention);
  checkTimeZone(timeZone);
  await using opened = new AsyncDisposableStack();
  const store = await openAlone(options, opened);
  const found = await Array.fromAsync(readStored(store, await unlockOf(options), signal));
  const whole = found.filter((artifact) => artifact.state === "WHOLE");
  const closed = whole.filter(({ manifest }) => manifest === undefined).length;
  if (closed > 0 && !asOne)
    throw new UsageError(
      `${formatQuantity(closed, "backup")} cannot be opened: whether they are all of one kind is not known.`,
      "Give --identity-file or --passphrase-file, or take them for one series with --as-one.",
    );
  const candidates = whole.map((artifact) => ({
    id: artifact.id,
    createdAt: new Date(artifact.header.createdAt),
    status: "SUCCEEDED" as const,
    // Pins are the ledger's.
    pinned: false,
    series: seriesOf(artifact),
    artifact,
  }));
  const decisions = decideRetention(candidates, retention, () => timeZone);
  const going = decisions.filter(({ keep }) => !keep);
  if (!dryRun)
    for (const { candidate } of going) {
      signal.throwIfAborted();
      await deleteFrom(new Map([[options.store, store]]), [options.store], candidate.id);
    }
  for (const artifact of found)
    if (artifact.state !== "WHOLE") warn(`${artifact.id} is left alone. ${artifact.message}`);
  const result = {
    kept: decisions.filter(({ keep }) => keep).map(describeDecision),
    deleted: going.map(describeDecision),
  };
  printResult(options, result, () => {
    const rows = decisions.map(({ candidate, keep, reasons }) => [
      candidate.id,
      formatTime(candidate.artifact.header.createdAt),
      keep ? "stays" : "goes",
      reasons.join(", "),
    ]);
    const table = renderTable(
      ["backup", "made", "", "why"].map((title) => ({ title })),
      rows,
    );
    const counts = formatQuantity(going.length, "backup");
    const summary = dryRun
      ? `Nothing was deleted. ${counts} would be, and ${result.kept.length} would stay.`
      : `Deleted ${counts}; ${result.kept.length} stay.`;
    return rows.length === 0 ? summary : `${table}\n${summary}`;
  });
}

function describeDecision({
  candidate,
  reasons,
}: RetentionDecision & { readonly candidate: { readonly artifact: Whole } }) {
  return { backup: describe(candidate.artifact), reasons };
}

function seriesOf({ manifest }: Whole): string {
  return manifest === undefined
    ? "closed"
    : `of ${manifest.entities
        .map(({ name }) => name)
        .toSorted()
        .join(" ")}`;
}

function describe(artifact: StoredArtifact) {
  if (artifact.state !== "WHOLE") return artifact;
  const { id, state, header, sizeBytes, manifest } = artifact;
  const { createdAt, encryption } = header;
  return {
    ...{ id, state, createdAt, encryption, sizeBytes },
    entities: manifest?.entities.map(({ name }) => name) ?? null,
    rows: manifest === undefined ? null : rowsOf(manifest),
  };
}

function rowsOf({ tables }: NonNullable<Whole["manifest"]>): number {
  return tables.reduce((sum, { rows }) => sum + rows, 0);
}

function timeOf(artifact: StoredArtifact): number {
  return artifact.state === "WHOLE" ? Date.parse(artifact.header.createdAt) : 0;
}

/** @throws HoldfastError NOT_FOUND for what is neither a directory nor the name of a store */
async function openAlone({ store: name }: StoreAloneOptions, opened: AsyncDisposableStack): Promise<Store> {
  const environment: Environment = readEnvironment(process.env);
  if (!/[/\\.]/.test(name)) {
    const declaration = (await readConfiguration(environment)).stores.get(name);
    const stores =
      declaration === undefined
        ? undefined
        : await openStores(new Map([[name, declaration]]), opened, environment);
    const store = stores?.get(name);
    if (store !== undefined) return store;
  }
  const directory = path.resolve(name);
  const found = await stat(directory).catch(() => undefined);
  if (found?.isDirectory() !== true)
    throw new HoldfastError("NOT_FOUND", `${name} is no directory, and no store of the configuration.`, {
      hint: "Name a directory as ./NAME, or a store that `holdfast stores list --direct` shows.",
    });
  return fsStore({ directory });
}

/** Nobody is asked for a key: what it does not open is shown as it lies there. */
async function unlockOf({ passphraseFile, identityFile }: UnlockOptions): Promise<Unlock> {
  const { passphrase } = readEnvironment(process.env);
  return {
    passphrase: passphraseFile === undefined ? passphrase : firstLine(await readFile(passphraseFile, "utf8")),
    identity: identityFile === undefined ? undefined : await readFile(identityFile, "utf8"),
  };
}

function firstLine(content: string): string {
  return content.split(/\r?\n/, 1)[0] ?? "";
}
