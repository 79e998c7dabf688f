// Opens artifacts with tar, age, zstd, jq and psql alone: the commands of docs/artifact-format.md, as they stand there.
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { finished } from "node:stream/promises";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generateIdentity, type AgeKeyPair } from "../../src/codec/age.ts";
import type { Signer } from "../../src/codec/signature.ts";
import { storeSink, tarSink, tarSource } from "../../src/engine/artifact-io.ts";
import type { ArtifactEncryption } from "../../src/engine/artifact-writer.ts";
import { fsStore } from "../../src/store/fs.ts";
import { copyText } from "../codec/fixtures.ts";
import { createDatabase } from "../support/postgres.ts";
import { haveTools, shell, shellOnTerminal } from "../support/stock-tools.ts";
import { CREATED_AT, readAll, signerNamed, writeSample } from "./artifact-fixture.ts";

const PASSPHRASE = "correct horse battery staple";
const TIMEOUT_MS = 120_000;

const page = await readFile(path.join(import.meta.dirname, "../../docs/artifact-format.md"), "utf8");

/** The block of commands that the page marks with this name. */
function commands(name: string): string {
  const block = page.split(`<!-- test: ${name} -->\n\n\`\`\`sh\n`)[1]?.split("```")[0];
  if (block === undefined) throw new Error(`the page has no commands named ${name}`);
  return block;
}

let directory: string;
let owner: AgeKeyPair;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "holdfast-stock-"));
  owner = await generateIdentity();
});
afterAll(() => rm(directory, { recursive: true }));

/** A directory with `backup.tar` in it, and nothing else. */
async function backupIn(name: string, encryption: ArtifactEncryption, signer?: Signer): Promise<string> {
  const place = path.join(directory, name);
  await mkdir(place);
  const stream = createWriteStream(path.join(place, "backup.tar"));
  await writeSample(tarSink(stream, CREATED_AT), encryption, undefined, signer);
  stream.end();
  await finished(stream);
  return place;
}

/** What the page's commands make of an artifact whose objects are plain: what is inside, and each table's COPY text. */
async function inside(place: string) {
  const listed = shell(commands("manifest"), place).toString();
  shell(commands("rows"), place);
  const rowsOf = (table: string) => readFile(path.join(place, `rows/public.${table}.copy`));
  return { listed, users: await rowsOf("users"), events: await rowsOf("events") };
}

const EVERYTHING = {
  listed: "public.users: 30 rows\npublic.events: 3000 rows\npublic.nothing: 0 rows\n",
  users: copyText(30),
  events: copyText(3000),
};

describe.skipIf(!haveTools("tar", "age", "zstd", "jq", "sha256sum"))(
  "without Holdfast, every row is had back",
  () => {
    it("from an artifact that is not encrypted, and into PostgreSQL", { timeout: TIMEOUT_MS }, async () => {
      const place = await backupIn("none", { kind: "NONE" });
      shell(commands("unpack"), place);
      expect(await inside(place)).toEqual(EVERYTHING);
      if (!haveTools("psql")) return;
      await using database = await createDatabase();
      const sql = postgres(database.url);
      try {
        for (const table of ["users", "events"])
          await sql`create table ${sql(table)} (id int primary key, what text, note text, lines text)`;
        shell(`export DATABASE_URL='${database.url}'\n${commands("load")}`, place);
        const rows = await sql`select * from events order by id`;
        expect(rows).toHaveLength(3000);
        expect(rows[98]).toEqual({ id: 98, what: "user 1 signed in", note: null, lines: "one\ntwo" });
        expect(await sql`select count(*)::int as users from users`).toEqual([{ users: 30 }]);
      } finally {
        await sql.end();
      }
    });

    it("and it is seen who has made it", { timeout: TIMEOUT_MS }, async () => {
      if (!haveTools("openssl", "base64")) return;
      const signer = signerNamed("ours");
      const place = await backupIn("signed", { kind: "NONE" }, signer);
      shell(commands("unpack"), place);
      expect(shell(commands("signature"), place).toString()).toMatch(/Verified Successfully/);
      expect(shell(`KEY=${signer.publicKey}\n${commands("signature")}`, place).toString()).toMatch(
        /Verified/,
      );
      expect(() => shell(`KEY=${signerNamed("theirs").publicKey}\n${commands("signature")}`, place)).toThrow(
        "Command failed",
      );
    });

    it("from an artifact that is encrypted to recipients", { timeout: TIMEOUT_MS }, async () => {
      const place = await backupIn("recipients", { kind: "RECIPIENTS", recipients: [owner.recipient] });
      await writeFile(path.join(place, "identity.txt"), `${owner.identity}\n`, { mode: 0o600 });
      shell(commands("unpack") + commands("recipients") + commands("decrypt"), place);
      expect(await inside(place)).toEqual(EVERYTHING);
    });

    it("from an artifact that is encrypted with a passphrase", { timeout: TIMEOUT_MS }, async () => {
      const place = await backupIn("passphrase", { kind: "PASSPHRASE", passphrase: PASSPHRASE });
      shell(commands("unpack"), place);
      await shellOnTerminal(commands("passphrase") + commands("passphrase, directly"), place, PASSPHRASE);
      shell(commands("decrypt"), place);
      expect(await inside(place)).toEqual(EVERYTHING);
      expect(await readFile(path.join(place, "part.zst"))).toEqual(
        await readFile(path.join(place, "parts/000001.copy.zst")),
      );
    });
  },
);

describe.skipIf(!haveTools("tar"))("an artifact of a file store that tar has packed", () => {
  it.each(["ustar", "pax", "gnu"])("is opened in tar's %s format", async (format) => {
    const place = path.join(directory, `packed-${format}`);
    const { texts } = await writeSample(storeSink(fsStore({ directory: place }), "a"), { kind: "NONE" });
    shell(`tar --format=${format} -cf packed.tar -C a .`, place);
    const source = await tarSource(path.join(place, "packed.tar"));
    expect(await readAll(source)).toEqual(texts);
    await source.close();
  });
});
