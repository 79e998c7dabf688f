// Every way in which an artifact can be damaged, put together or made up, and what each ends in: over every kind of encryption, in a
// store and as a single file. What is made up goes the whole way of a restore, and leaves the database as it was.
import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { finished } from "node:stream/promises";
import { zstdCompressSync } from "node:zlib";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { encryptAge, generateIdentity, type AgeKeyPair } from "../../src/codec/age.ts";
import { sha256 } from "../../src/codec/digest.ts";
import {
  HEADER_NAME,
  INDEX_NAME,
  KEY_NAME,
  manifestName,
  partName,
  type ColumnShape,
  type EncryptionKind,
  type Manifest,
  type ManifestPart,
  type ManifestTable,
} from "../../src/core/artifact.ts";
import { buildCatalog } from "../../src/core/catalog.ts";
import { isHoldfastError, type ErrorCode } from "../../src/core/errors.ts";
import { tarSink, tarSource, type ArtifactSource } from "../../src/engine/artifact-io.ts";
import { openArtifact, type Unlock } from "../../src/engine/artifact-reader.ts";
import { createArtifactWriter, type ArtifactEncryption } from "../../src/engine/artifact-writer.ts";
import { restoreAlone } from "../../src/engine/restore-alone.ts";
import { flipped, noise } from "../codec/fixtures.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import {
  changed,
  CREATED_AT,
  jsonOf,
  manifestOf,
  objectsOf,
  readAll,
  reindexed,
  sample,
  sourceOf,
  tableNamed,
  type Objects,
  type Sample,
} from "./artifact-fixture.ts";

const SCRYPT_TIMEOUT_MS = 120_000;
const PASSPHRASE = "correct horse battery staple";
const KINDS = ["NONE", "PASSPHRASE", "RECIPIENTS"] as const;
const FORMS = ["store", "single file"] as const;
type Form = (typeof FORMS)[number];

interface Kind {
  readonly kind: EncryptionKind;
  readonly encryption: ArtifactEncryption;
  readonly sample: Sample;
  /** Another artifact, with the same key to it. */
  readonly sibling: Sample;
  /** What a person has. */
  readonly unlock: Unlock;
  /** What opens it without the second that a passphrase takes; of `sample` alone. */
  readonly quick: Unlock;
}

let owner: AgeKeyPair;
let folder: string;
let database: TestDatabase;
let sql: postgres.Sql;
let before: unknown;
const kinds = new Map<EncryptionKind, Kind>();

const table = (name: string) => ({ schema: "public", name });
const catalog = buildCatalog({
  G: Object.fromEntries(
    ["users", "events", "nothing"].map((name) => [
      name.toUpperCase(),
      { label: name, tables: [table(name)], read: "READ", write: "WRITE", database: "app" },
    ]),
  ),
});

beforeAll(async () => {
  owner = await generateIdentity();
  folder = await mkdtemp(path.join(tmpdir(), "holdfast-every-bit-"));
  const encryptions: Record<EncryptionKind, ArtifactEncryption> = {
    NONE: { kind: "NONE" },
    PASSPHRASE: { kind: "PASSPHRASE", passphrase: PASSPHRASE },
    RECIPIENTS: { kind: "RECIPIENTS", recipients: [owner.recipient] },
  };
  const unlock = { passphrase: PASSPHRASE, identity: owner.identity };
  for (const kind of KINDS) {
    const encryption = encryptions[kind];
    const mine = await sample(encryption);
    const { artifactIdentity } = await openArtifact(await sourceOf(mine.objects), unlock);
    kinds.set(kind, {
      ...{ kind, encryption, sample: mine, sibling: await sample(encryption), unlock },
      quick: { ...unlock, artifactIdentity: artifactIdentity ?? undefined },
    });
  }
  database = await createDatabase();
  sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  for (const name of ["users", "events", "nothing"])
    await sql.unsafe(
      `create table ${name} (id text primary key, what text, note text, lines text);
       insert into ${name} values ('live', 'was here', 'before', 'the restore')`,
    );
  before = await everything();
}, SCRYPT_TIMEOUT_MS);
afterAll(async () => {
  await sql.end();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});
afterEach(async () => {
  expect(await everything(), "the database is as it was").toEqual(before);
});

/** Every row, and every table and schema that there is. */
async function everything(): Promise<unknown> {
  return {
    rows: await sql`select 'users', * from users union all select 'events', * from events
      union all select 'nothing', * from nothing order by 1, 2`,
    tables: await sql`select table_schema, table_name from information_schema.tables
      where table_schema not in ('pg_catalog', 'information_schema') order by 1, 2`,
    schemas: await sql`select nspname from pg_namespace where nspname !~ '^pg_' order by 1`,
  };
}

async function sourceIn(form: Form, objects: Objects): Promise<ArtifactSource> {
  if (form === "store") return sourceOf(objects);
  const file = path.join(folder, randomUUID());
  const stream = createWriteStream(file);
  const sink = tarSink(stream, CREATED_AT);
  for (const [name, bytes] of objects) await sink.put(name, bytes, bytes.length);
  await sink.finish();
  await finished(stream.end());
  return tarSource(file);
}

const control = { signal: new AbortController().signal, onProgress: () => undefined };

async function restore(source: ArtifactSource, unlock: Unlock, dryRun = false) {
  try {
    return await restoreAlone(
      { databaseUrl: () => database.url, catalog, source, connections: 2 },
      { runId: randomUUID(), mode: "REPLACE", dryRun, unlock },
      control,
      (error) => {
        throw error;
      },
    );
  } finally {
    await source.close();
  }
}

/** What reading all of it ends in. */
async function codeOf(opening: Promise<ArtifactSource> | ArtifactSource, unlock: Unlock): Promise<unknown> {
  return ending(async () => {
    const source = await opening;
    try {
      await readAll(source, unlock);
    } finally {
      await source.close();
    }
  });
}

async function ending(act: () => Promise<unknown>): Promise<unknown> {
  try {
    await act();
  } catch (error) {
    return isHoldfastError(error) ? error.code : error;
  }
  return "read";
}

type Changes = Readonly<Record<string, Buffer | string | undefined>>;
type Damage = (kind: Kind) => Changes;
const bytesOf = ({ objects }: Sample, name: string) => objects.get(name) ?? Buffer.alloc(0);
const manifestOfKind = ({ kind }: Kind) => manifestName(kind);
const part = ({ kind }: Kind, number: number) => partName(number, kind);
const withJson = ({ sample }: Kind, name: string, fields: object) => ({
  [name]: JSON.stringify({ ...jsonOf(sample.objects, name), ...fields }),
});

/** Small objects that anybody can read: a flip may change what they say. */
const MISREAD: readonly ErrorCode[] = [
  ...(["NOT_AN_ARTIFACT", "ARTIFACT_TOO_NEW", "ARTIFACT_INCOMPLETE"] as const),
  ...(["ARTIFACT_CORRUPT", "ARTIFACT_TAMPERED"] as const),
];

describe.each(FORMS)("in a %s", (form) => {
  describe.each(KINDS)("encrypted: %s", (name) => {
    const kind = () => kinds.get(name) ?? expect.fail("no such kind");

    it("one that is whole is read to its end", { timeout: SCRYPT_TIMEOUT_MS }, async () => {
      const { sample, quick } = kind();
      const { changes } = await restore(await sourceIn(form, sample.objects), quick, true);
      expect(changes.map(({ table, inserted }) => [table, inserted])).toEqual([
        ["public.users", 30],
        ["public.events", 3000],
        ["public.nothing", 0],
      ]);
    });

    it("a flipped bit in any region of any object", async () => {
      const { sample, quick, unlock } = kind();
      for (const [object, bytes] of sample.objects) {
        const plain = object === HEADER_NAME || object === INDEX_NAME;
        for (let region = 0; region < 5; region++) {
          // Not the newline at the end of JSON: any white space may stand there.
          const bit = Math.floor(((bytes.length - 1) * 8 * region) / 4.01);
          const damaged = changed(sample.objects, { [object]: flipped(bytes, bit) });
          const code = await codeOf(sourceIn(form, damaged), object === KEY_NAME ? unlock : quick);
          expect(plain ? MISREAD : ["ARTIFACT_CORRUPT"], `${object}, bit ${bit}`).toContain(code);
        }
      }
    });

    it("a damaged part, found when others have been loaded", async () => {
      const of = kind();
      const damaged = changed(of.sample.objects, {
        [part(of, 6)]: flipped(bytesOf(of.sample, part(of, 6)), 999),
      });
      expect(await ending(async () => restore(await sourceIn(form, damaged), of.quick))).toBe(
        "ARTIFACT_CORRUPT",
      );
    });

    it("any object cut anywhere, or gone, or longer", async () => {
      const { sample, quick, unlock } = kind();
      for (const [object, bytes] of sample.objects) {
        const opener = object === KEY_NAME ? unlock : quick;
        const cut = (sizeBytes: number) =>
          changed(sample.objects, { [object]: bytes.subarray(0, sizeBytes) });
        for (const sizeBytes of [0, 1, bytes.length >> 1, bytes.length - 1]) {
          // The newline at the end of a JSON object says nothing, but the header is hashed with it.
          if (object === INDEX_NAME && sizeBytes === bytes.length - 1) continue;
          const expected: Partial<Record<string, ErrorCode[]>> = {
            [HEADER_NAME]: ["NOT_AN_ARTIFACT", "ARTIFACT_CORRUPT"],
            [INDEX_NAME]: ["ARTIFACT_CORRUPT"],
          };
          const code = await codeOf(sourceIn(form, cut(sizeBytes)), opener);
          expect(expected[object] ?? ["ARTIFACT_INCOMPLETE"], `${object}, ${sizeBytes} bytes`).toContain(
            code,
          );
        }
        const gone = await codeOf(sourceIn(form, changed(sample.objects, { [object]: undefined })), opener);
        expect(gone, `without ${object}`).toBe("ARTIFACT_INCOMPLETE");
        const longer = changed(sample.objects, { [object]: Buffer.concat([bytes, noise(1)]) });
        const misread = object === HEADER_NAME ? ["NOT_AN_ARTIFACT"] : ["ARTIFACT_CORRUPT"];
        expect(misread, `${object} and one byte`).toContain(await codeOf(sourceIn(form, longer), opener));
      }
    });

    const PUT_TOGETHER: readonly (readonly [what: string, expected: ErrorCode, damage: Damage])[] = [
      ["a part dropped", "ARTIFACT_TAMPERED", (of) => ({ [part(of, 6)]: undefined })],
      ["a part twice", "ARTIFACT_TAMPERED", (of) => ({ [part(of, 7)]: bytesOf(of.sample, part(of, 1)) })],
      [
        "a part in the place of another",
        "ARTIFACT_TAMPERED",
        (of) => ({ [part(of, 2)]: bytesOf(of.sample, part(of, 1)) }),
      ],
      [
        "two parts swapped",
        "ARTIFACT_TAMPERED",
        (of) => ({
          [part(of, 1)]: bytesOf(of.sample, part(of, 2)),
          [part(of, 2)]: bytesOf(of.sample, part(of, 1)),
        }),
      ],
      [
        "a part renamed",
        "ARTIFACT_TAMPERED",
        (of) => ({ [part(of, 1)]: undefined, [part(of, 9)]: bytesOf(of.sample, part(of, 1)) }),
      ],
      [
        "a part under a name that no part has",
        "ARTIFACT_TAMPERED",
        (of) => ({ [part(of, 1)]: undefined, "parts/1.copy": bytesOf(of.sample, part(of, 1)) }),
      ],
      [
        "a part of another artifact",
        "ARTIFACT_TAMPERED",
        (of) => ({ [part(of, 6)]: Buffer.concat([bytesOf(of.sibling, part(of, 6)), noise(1)]) }),
      ],
      [
        "the manifest of another artifact",
        "ARTIFACT_TAMPERED",
        (of) => ({ [manifestOfKind(of)]: bytesOf(of.sibling, manifestOfKind(of)) }),
      ],
      ["no manifest", "ARTIFACT_TAMPERED", (of) => ({ [manifestOfKind(of)]: undefined })],
      [
        "another time in the header",
        "ARTIFACT_TAMPERED",
        (of) => withJson(of, HEADER_NAME, { createdAt: "2020-01-01T00:00:00.000Z" }),
      ],
      [
        "another id in the header",
        "ARTIFACT_TAMPERED",
        (of) => withJson(of, HEADER_NAME, { id: randomUUID() }),
      ],
      [
        "another kind of encryption in the header",
        "ARTIFACT_TAMPERED",
        (of) => withJson(of, HEADER_NAME, { encryption: of.kind === "NONE" ? "RECIPIENTS" : "NONE" }),
      ],
      ["a later version", "ARTIFACT_TOO_NEW", (of) => withJson(of, HEADER_NAME, { version: 2 })],
    ];
    it.each(PUT_TOGETHER)("%s, with an index that fits: %s", async (_, expected, damage) => {
      const of = kind();
      const objects = reindexed(of.sample.objects, damage(of));
      expect(await codeOf(sourceIn(form, objects), of.quick)).toBe(expected);
      // Without the index being made to fit, it is damage.
      const code = await codeOf(sourceIn(form, changed(of.sample.objects, damage(of))), of.quick);
      expect([...MISREAD, "read"]).toContain(code);
      if (code === "read") expect(damage(of)).toHaveProperty([part(of, 7)]);
    });

    it("an index of a later version, of another artifact, that names an object twice or one that leads elsewhere", async () => {
      const of = kind();
      const index = jsonOf(of.sample.objects, INDEX_NAME);
      const listed = index["objects"] as object[];
      const seal = { sizeBytes: 1, sha256: "0".repeat(64) };
      for (const [fields, expected] of [
        [{ version: 2 }, "ARTIFACT_TOO_NEW"],
        [{ id: randomUUID() }, "ARTIFACT_TAMPERED"],
        [{ objects: [...listed, ...listed] }, "ARTIFACT_TAMPERED"],
        [{ objects: [...listed, { name: "../../etc/passwd", ...seal }] }, "ARTIFACT_TAMPERED"],
        [{ objects: [...listed, { name: "/etc/passwd", ...seal }] }, "ARTIFACT_TAMPERED"],
        [{ objects: [...listed, { name: part(of, 8), ...seal }] }, "ARTIFACT_INCOMPLETE"],
        [{ objects: [...listed, { name: part(of, 8), ...seal, sizeBytes: -1 }] }, "ARTIFACT_CORRUPT"],
        [{ objects: [...listed, { name: part(of, 8), ...seal, sizeBytes: 2 ** 60 }] }, "ARTIFACT_CORRUPT"],
        [{ objects: [...listed, { name: part(of, 8), ...seal, sizeBytes: 2 ** 52 }] }, "ARTIFACT_INCOMPLETE"],
        [{ objects: "all of them" }, "ARTIFACT_CORRUPT"],
      ] as const) {
        const objects = changed(of.sample.objects, withJson(of, INDEX_NAME, fields));
        expect(await codeOf(sourceIn(form, objects), of.quick), JSON.stringify(fields).slice(-80)).toBe(
          expected,
        );
      }
    });
  });
});

// Whoever does not know the passphrase cannot make what it opens.
describe.each([
  ["NONE", "store"],
  ["RECIPIENTS", "single file"],
] as const)("made up by somebody who can write there: %s, in a %s", (name, form) => {
  const kind = () => kinds.get(name) ?? expect.fail("no such kind");
  const users = tableNamed("users");
  const row = "1\ta\tb\tc\n";
  const columns = (...names: string[]): ColumnShape[] =>
    names.map((name) => ({ name, type: "text", nullable: true, generated: null, identity: null }));

  interface Forgery {
    readonly table?: Partial<ManifestTable>;
    readonly manifest?: Partial<Manifest>;
    readonly part?: Partial<ManifestPart>;
    readonly text?: string | Buffer;
    /** In the place of the part's zstd frame. */
    readonly frame?: Buffer;
  }
  const MADE_UP: readonly (readonly [what: string, expected: ErrorCode, forgery: () => Forgery])[] = [
    ["a table outside the catalog", "FOREIGN_CONTENTS", () => ({ table: { name: "secrets" } })],
    [
      "a table of PostgreSQL's own",
      "FOREIGN_CONTENTS",
      () => ({ table: { schema: "pg_catalog", name: "pg_authid" } }),
    ],
    ["a table of another entity", "FOREIGN_CONTENTS", () => ({ table: { entity: "EVENTS" } })],
    [
      "an entity outside the catalog",
      "FOREIGN_CONTENTS",
      () => ({
        table: { entity: "ADMINS" },
        manifest: { entities: [{ name: "ADMINS", group: "G", label: "" }] },
      }),
    ],
    [
      "SQL in the name of a table",
      "FOREIGN_CONTENTS",
      () => ({ table: { name: 'users"; drop table users; --' } }),
    ],
    [
      "SQL in the name of a schema",
      "FOREIGN_CONTENTS",
      () => ({ table: { schema: 'public"; drop table users; --' } }),
    ],
    [
      "SQL in the name of a column",
      "SCHEMA_DRIFT",
      () => ({
        table: { columns: columns("id", 'what") from stdin; drop table users; --', "note", "lines") },
      }),
    ],
    [
      "a column that the table has not",
      "SCHEMA_DRIFT",
      () => ({ table: { columns: columns("id", "what", "note", "wings") } }),
    ],
    [
      "a column twice",
      "ARTIFACT_CORRUPT",
      () => ({ table: { columns: columns("id", "id", "note", "lines") } }),
    ],
    ["too few fields in a row", "ARTIFACT_CORRUPT", () => ({ text: "1\ta\tb\n" })],
    ["too many fields in a row", "ARTIFACT_CORRUPT", () => ({ text: "1\ta\tb\tc\td\n" })],
    [
      "COPY's end in the middle",
      "ARTIFACT_CORRUPT",
      () => ({ text: `${row}\\.\n2\ta\tb\tc\n`, part: { rows: 3 } }),
    ],
    ["rows that are no UTF-8", "SCHEMA_DRIFT", () => ({ text: Buffer.from("1\ta\u00ff\tb\tc\n", "latin1") })],
    ["a NUL in a row", "SCHEMA_DRIFT", () => ({ text: "1\ta\u0000\tb\tc\n" })],
    ["the same key twice", "UNIQUE_CONFLICT", () => ({ text: `${row}1\tx\ty\tz\n`, part: { rows: 2 } })],
    ["a last row without an end", "ARTIFACT_CORRUPT", () => ({ text: `${row}2\ta`, part: { rows: 2 } })],
    ["more rows than it says", "ARTIFACT_CORRUPT", () => ({ text: row.repeat(9), part: { rows: 1 } })],
    ["an absurd number of rows", "ARTIFACT_CORRUPT", () => ({ part: { rows: 2 ** 50 } })],
    ["an absurd number of bytes", "ARTIFACT_CORRUPT", () => ({ part: { rawBytes: 2 ** 50 } })],
    ["a zstd bomb", "ARTIFACT_CORRUPT", () => ({ frame: BOMB, part: { rawBytes: 100, rows: 100 } })],
    ["no zstd", "ARTIFACT_CORRUPT", () => ({ frame: noise(1000) })],
    [
      "two zstd frames",
      "ARTIFACT_CORRUPT",
      () => ({ frame: Buffer.concat([zstdCompressSync(row), zstdCompressSync(row)]) }),
    ],
    ["a later version of the manifest", "ARTIFACT_TOO_NEW", () => ({ manifest: { version: 2 } })],
  ];

  it("SQL in a type is no more than text", async () => {
    const { encryption, unlock } = kind();
    const type = "text); drop table users; --";
    const table = { columns: columns("id", "what", "note", "lines").map((column) => ({ ...column, type })) };
    const { changes } = await restore(
      await sourceIn(form, await forged(encryption, { table })),
      unlock,
      true,
    );
    expect(changes).toHaveLength(1);
  });

  it.each(MADE_UP)("%s: %s", async (_, expected, forge) => {
    const { encryption, unlock } = kind();
    const objects = await forged(encryption, forge());
    const start = process.memoryUsage().rss;
    expect(await ending(async () => restore(await sourceIn(form, objects), unlock))).toBe(expected);
    expect(process.memoryUsage().rss - start).toBeLessThan(BOUND_BYTES);
  });

  async function forged(encryption: ArtifactEncryption, forgery: Forgery): Promise<Objects> {
    const id = randomUUID();
    const text = Buffer.from(forgery.text ?? row);
    return objectsOf(async (sink) => {
      const writer = await createArtifactWriter(sink, { id, createdAt: CREATED_AT, encryption });
      const frame = forgery.frame ?? zstdCompressSync(text);
      const bytes =
        writer.recipient === null ? frame : await encryptAge(frame, { recipients: [writer.recipient] });
      const counts = { rows: 1, rawBytes: text.length, ...forgery.part };
      const stored = await writer.addPart({ bytes, sha256: sha256(bytes), ...counts, release: () => {} });
      const table = { ...users, ...forgery.table, rows: counts.rows, rawBytes: counts.rawBytes };
      const manifest = { ...manifestOf(id, [table]), parts: [{ ...stored, table: 0, ...counts }] };
      await writer.finish({ ...manifest, ...forgery.manifest });
    });
  }
});

/** Decompresses to half a GiB of empty rows, out of some 16 KiB. */
const BOMB = zstdCompressSync(Buffer.alloc(512 * 1024 * 1024, "\n"));
const BOUND_BYTES = 192 * 1024 * 1024;

describe("the codes", () => {
  it("of this file are those of docs/artifact-format.md", async () => {
    const page = await readFile(path.join(import.meta.dirname, "../../docs/artifact-format.md"), "utf8");
    const documented = new Set(page.match(/`[A-Z]+(?:_[A-Z]+)+`/g)?.map((code) => code.slice(1, -1)));
    for (const code of [...MISREAD, "FOREIGN_CONTENTS", "SCHEMA_DRIFT"]) expect(documented).toContain(code);
  });
});

describe("a single file", () => {
  it(
    "is incomplete wherever it is cut, and corrupt with a flipped bit in any header",
    { timeout: SCRYPT_TIMEOUT_MS },
    async () => {
      const { sample, quick } = kinds.get("RECIPIENTS") ?? expect.fail("no such kind");
      const whole = path.join(folder, "whole");
      const stream = createWriteStream(whole);
      const sink = tarSink(stream, CREATED_AT);
      for (const [object, bytes] of sample.objects) await sink.put(object, bytes, bytes.length);
      await sink.finish();
      await finished(stream.end());
      const tar = await readFile(whole);
      const opened = async (bytes: Uint8Array) => {
        const file = path.join(folder, randomUUID());
        await writeFile(file, bytes);
        return tarSource(file);
      };
      for (let at = 0; at < tar.length; at += 512)
        for (const cut of [at, at + 1])
          expect(["ARTIFACT_INCOMPLETE", "NOT_AN_ARTIFACT"], `cut at ${cut}`).toContain(
            await codeOf(opened(tar.subarray(0, cut)), quick),
          );
      for (let bit = 3; bit < 512 * 8; bit += 41)
        expect(MISREAD, `bit ${bit}`).toContain(await codeOf(opened(flipped(tar, bit)), quick));
    },
  );
});
