// A store and nothing else: backups are listed and pruned where there is no server, no ledger and, if need be, no key.
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { generateIdentity } from "../../src/codec/age.ts";
import { storeSink } from "../../src/engine/artifact-io.ts";
import { createArtifactWriter, type ArtifactEncryption } from "../../src/engine/artifact-writer.ts";
import { fsStore } from "../../src/store/fs.ts";
import { manifestOf, tableNamed } from "../engine/artifact-fixture.ts";
import { cli, runCli, type CliResult } from "./run-cli.ts";

const PATIENT = { timeout: 180_000 };
const NONE: ArtifactEncryption = { kind: "NONE" };
let directory: string;
let place: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "holdfast-alone-"));
  place = path.join(directory, "backups");
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function put(
  createdAt: string,
  encryption: ArtifactEncryption = NONE,
  tables = ["users"],
): Promise<string> {
  const store = fsStore({ directory: place });
  const id = randomUUID();
  const order = { id, createdAt: new Date(createdAt), encryption };
  const writer = await createArtifactWriter(storeSink(store, id), order);
  await writer.finish({
    ...manifestOf(id, tables.map(tableNamed)),
    createdAt: order.createdAt.toISOString(),
  });
  return id;
}

const run = (...args: string[]): Promise<CliResult> => cli(args, { cwd: directory });
interface Pruned {
  readonly kept: readonly { readonly backup: { readonly id: string }; readonly reasons: readonly string[] }[];
  readonly deleted: Pruned["kept"];
}
const idsOf = (decisions: Pruned["kept"]) => decisions.map(({ backup }) => backup.id);
const stored = async () => (await readdir(place)).filter((name) => !name.startsWith(".")).toSorted();

it(
  "lists what lies there, and prunes it by what it holds; junk, and what was never finished, stays where it is",
  PATIENT,
  async () => {
    const newest = await put("2026-11-22T23:30:00Z");
    const older = await put("2026-11-22T12:00:00Z");
    const oldest = await put("2026-11-20T12:00:00Z");
    const other = await put("2026-11-01T12:00:00Z", NONE, ["events"]);
    const half = await put("2026-11-21T12:00:00Z");
    await rm(path.join(place, half, "index.json"));
    const broken = await put("2026-11-21T13:00:00Z");
    await writeFile(path.join(place, broken, "holdfast.json"), "{}");
    await mkdir(path.join(place, "lost+found"));
    await writeFile(path.join(place, "notes.txt"), "do not touch");
    const all = await stored();

    const [listed, preview] = await Promise.all([
      run("backups", "list", "--store", place, "--json"),
      run(
        "prune",
        "--store",
        "./backups",
        "--keep-daily",
        "1",
        "--time-zone",
        "Europe/Berlin",
        "--dry-run",
        "--json",
      ),
    ]);
    const found: { id: string; state: string; entities?: string[] }[] = JSON.parse(listed.stdout);
    expect(found.slice(0, 4).map(({ id, entities }) => [id, entities])).toEqual([
      ...[newest, older, oldest].map((id) => [id, ["USERS"]]),
      [other, ["EVENTS"]],
    ]);
    expect(new Map(found.slice(4).map(({ id, state }) => [id, state]))).toEqual(
      new Map([
        [half, "INCOMPLETE"],
        [broken, "UNREADABLE"],
      ]),
    );
    const planned: Pruned = JSON.parse(preview.stdout);
    expect(new Map(planned.kept.map(({ backup, reasons }) => [backup.id, reasons[0]]))).toEqual(
      new Map([
        [newest, "daily 2026-11-23"],
        [other, "daily 2026-11-01"],
      ]),
    );
    expect(await stored()).toEqual(all);

    const done = await run("prune", "--store", place, "--keep-daily", "2", "--json");
    expect(idsOf(JSON.parse(done.stdout).deleted)).toEqual([older]);
    expect(done.stderr).toContain(`${half} is left alone`);
    expect(await stored()).toEqual(all.filter((name) => name !== older));
  },
);

it(
  "backups that cannot be opened are pruned only if somebody says that they are of one kind, or gives the key",
  PATIENT,
  async () => {
    await rm(place, { recursive: true });
    const { recipient, identity } = await generateIdentity();
    const sealed: ArtifactEncryption = { kind: "RECIPIENTS", recipients: [recipient] };
    await writeFile(path.join(directory, "identity"), identity, { mode: 0o600 });
    const users = [await put("2026-11-22T12:00:00Z", sealed), await put("2026-11-21T12:00:00Z", sealed)];
    const events = await put("2026-11-20T12:00:00Z", sealed, ["events"]);
    const prune = ["prune", "--store", place, "--keep-last", "1", "--json"];
    const [refused, opened] = await Promise.all([
      runCli(prune, { cwd: directory }),
      run(...prune, "--dry-run", "--identity-file", "identity"),
    ]);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("3 backups cannot be opened") });
    expect(idsOf(JSON.parse(opened.stdout).deleted)).toEqual([users[1]]);
    expect(new Set(idsOf(JSON.parse(opened.stdout).kept))).toEqual(new Set([users[0], events]));
    const done: Pruned = JSON.parse((await run(...prune, "--as-one")).stdout);
    expect(idsOf(done.deleted)).toEqual([users[1], events]);
    expect(await stored()).toEqual([users[0]]);
  },
);

it(
  "a name that is neither a directory nor a store, and what only a ledger knows, are refused",
  PATIENT,
  async () => {
    const [nowhere, scheduled] = await Promise.all([
      runCli(["backups", "list", "--store", "nowhere"], { cwd: directory }),
      runCli(["prune", "--store", place, "--schedule", "nightly", "--keep-last", "1"], { cwd: directory }),
    ]);
    expect(nowhere).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("error[NOT_FOUND]: nowhere is no directory"),
    });
    expect(scheduled).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("asks no server and no ledger"),
    });
  },
);
