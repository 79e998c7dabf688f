// docs/privileges.md: its blocks are run as they stand, and make roles that back up and restore. For each right that is taken away
// the act is refused before anything is touched, and the doctor's statement gives it back.
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { readEnvironment } from "../../src/config/environment.ts";
import { buildCatalog } from "../../src/core/catalog.ts";
import { examine } from "../../src/doctor/examine.ts";
import type { Finding } from "../../src/doctor/finding.ts";
import { startEmbedded, type EmbeddedPostgres } from "../../src/embedded/embedded.ts";
import { storeSink, storeSource } from "../../src/engine/artifact-io.ts";
import { backup } from "../../src/engine/backup.ts";
import { forgetRestore, restore } from "../../src/engine/restore.ts";
import { memoryStore } from "../../src/store/memory.ts";

const DDL = `
  create table countries (code text primary key); insert into countries values ('de'), ('fr');
  create table customers (id serial primary key, name text, country text references countries, seen timestamptz default now());
  insert into customers (name, country) select 'customer ' || g, 'de' from generate_series(1, 20) g;
  create table orders (id int generated always as identity, customer_id int not null references customers, at date not null,
    primary key (id, at)) partition by range (at);
  create table orders_old partition of orders for values from (minvalue) to ('2026-01-01');
  create table orders_new partition of orders default;
  insert into orders (customer_id, at) select 1 + g % 20, date '2025-12-01' + g from generate_series(1, 60) g;
  create function touch() returns trigger language plpgsql as 'begin new.seen = now(); return new; end';
  create trigger touch before insert or update on customers for each row execute function touch();
  create table notes (id int primary key, text text); alter table notes enable row level security;
  insert into notes values (1, 'seen by those who may');`;
const DAMAGE = `
  delete from orders where id % 3 = 0; update customers set name = 'changed' where id % 2 = 0;
  update notes set text = 'changed'; alter sequence customers_id_seq restart with 1`;

const table = (name: string) => ({ schema: "public", name });
const catalog = buildCatalog({
  SHOP: {
    CUSTOMERS: {
      label: "Customers",
      database: "app",
      read: "R",
      write: "W",
      tables: [table("customers"), table("orders")],
    },
    NOTES: { label: "Notes", database: "app", read: "R", write: "W", tables: [table("notes")] },
  },
});
const CONFIG = `
  import { defineConfig, entity } from "holdfast";
  export default defineConfig({
    databases: { app: { url: "postgres://localhost/stands-for-another" } },
    groups: { shop: { entities: {
      customers: entity({ tables: ["customers", "orders"] }), notes: entity({ tables: ["notes"] }),
    } } },
  });`;

let directory: string;
let server: EmbeddedPostgres;
let shop: postgres.Sql;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "holdfast-privileges-"));
  await writeFile(path.join(directory, "holdfast.config.ts"), CONFIG);
  server = await startEmbedded({ dataDir: path.join(directory, "server"), settings: { fsync: "off" } });
  const admin = postgres(server.url, { max: 1, onnotice: () => undefined });
  await admin`create role shop_owner`;
  await admin`create database shop owner shop_owner`;
  await admin.end();
  shop = postgres(urlOf(), { max: 1, onnotice: () => undefined });
  await shop.unsafe(`set role shop_owner; ${DDL}; reset role`);
  for (const block of await readBlocks()) await shop.unsafe(block);
});
afterAll(async () => {
  await shop.end();
  await server.stop();
  await rm(directory, { recursive: true });
  vi.unstubAllEnvs();
});

async function readBlocks(): Promise<string[]> {
  const page = await readFile(path.join(import.meta.dirname, "../../docs/privileges.md"), "utf8");
  const blocks = [...page.matchAll(/^```sql\n(.*?)^```$/gms)].map((match) => match[1] ?? "");
  expect(blocks).toHaveLength(4);
  return blocks;
}

/** As the superuser, or as a role of the page. */
function urlOf(role?: string, password = ""): string {
  const url = new URL(server.url);
  url.pathname = "/shop";
  if (role !== undefined) [url.username, url.password] = [role, password];
  return url.href;
}

const ROLES = {
  holdfast_reader: "choose one",
  holdfast_writer: "choose another",
  holdfast_member: "choose a third",
};
const urlFor = (role: keyof typeof ROLES): string => urlOf(role, ROLES[role]);

const control = { signal: new AbortController().signal, onProgress: () => undefined };
const store = memoryStore();

async function backUpAs(role: keyof typeof ROLES): Promise<string> {
  const artifactId = randomUUID();
  const entities = [...catalog.entities.values()];
  const order = { artifactId, createdAt: new Date(), entities, encryption: { kind: "NONE" } as const };
  await backup({ databaseUrl: () => urlFor(role), sink: storeSink(store, artifactId) }, order, control);
  return artifactId;
}

async function restoreAs(role: keyof typeof ROLES, artifactId: string): Promise<void> {
  const deps = { databaseUrl: () => urlFor(role), catalog, source: storeSource(store, artifactId) };
  const run = { runId: randomUUID(), attempt: 1 };
  await restore(deps, { ...run, mode: "REPLACE", dryRun: false }, control);
  await forgetRestore(deps, { runId: run.runId, database: "app" }, control.signal);
}

async function examineAs(role: keyof typeof ROLES): Promise<Finding[]> {
  const environment = {
    ...readEnvironment({}),
    configFile: path.join(directory, "holdfast.config.ts"),
    dataDir: path.join(directory, "data"),
  };
  return Array.fromAsync(examine({ environment, databaseUrl: urlFor(role) }, control.signal));
}

/** Of the file it is said that countries are in no entity, which is so. */
const faultsIn = (findings: readonly Finding[]) =>
  findings.filter(({ level, area }) => level !== "OK" && area !== "configuration");

async function contents(): Promise<string> {
  const [row] = await shop<{ all: string }[]>`
    select (select string_agg(c::text, ';' order by id) from customers c) || (select string_agg(o::text, ';' order by id) from orders o)
      || (select string_agg(n::text, ';') from notes n) || (select last_value::text from customers_id_seq) as all`;
  return row?.all ?? "";
}

async function expectMended(role: keyof typeof ROLES): Promise<void> {
  const faults = faultsIn(await examineAs(role));
  expect(faults.flatMap(({ mend }) => mend)).not.toEqual([]);
  for (const statement of faults.flatMap(({ mend }) => mend)) await shop.unsafe(statement);
  expect(faultsIn(await examineAs(role))).toEqual([]);
}

describe("the role for backups", () => {
  it("backs up, and the doctor finds nothing missing", async () => {
    await backUpAs("holdfast_reader");
    const findings = await examineAs("holdfast_reader");
    expect(faultsIn(findings)).toEqual([]);
    expect(findings.map(({ message }) => message)).toContainEqual(
      expect.stringContaining("backups can be made, and nothing can be restored"),
    );
  });

  it.each([
    ["an account", "alter role holdfast_reader nologin", "DATABASE_UNREACHABLE"],
    ["the way in", "revoke connect on database shop from holdfast_reader, public", "DATABASE_DENIED"],
    ["the schema", "revoke usage on schema public from holdfast_reader, public", "DATABASE_DENIED"],
    ["a table", "revoke select on customers from holdfast_reader", "DATABASE_DENIED"],
    ["a partition", "revoke select on orders_old from holdfast_reader", "DATABASE_DENIED"],
    ["rows that policies hide", "alter role holdfast_reader nobypassrls", "ROW_SECURITY"],
  ])("backs up nothing without %s, until the doctor's statement has been run", async (_, revoke, code) => {
    await shop.unsafe(revoke);
    await expect(backUpAs("holdfast_reader")).rejects.toMatchObject({ code });
    await expectMended("holdfast_reader");
    await backUpAs("holdfast_reader");
  });

  it("backs up without seeing the sequences, of which the doctor warns", async () => {
    await shop`revoke select on customers_id_seq from holdfast_reader`;
    await backUpAs("holdfast_reader");
    expect(faultsIn(await examineAs("holdfast_reader"))).toMatchObject([{ level: "WARNING" }]);
    await expectMended("holdfast_reader");
  });
});

describe.each(["holdfast_writer", "holdfast_member"] as const)("the role %s", (role) => {
  it("restores every row, and the doctor finds nothing missing", async () => {
    // The trigger would write the time of the restore into the rows.
    const before = await contents();
    const artifactId = await backUpAs("holdfast_writer");
    await shop.unsafe(DAMAGE);
    expect(await contents()).not.toBe(before);
    expect(faultsIn(await examineAs(role))).toEqual([]);
    await restoreAs(role, artifactId);
    expect(await contents()).toBe(before);
  });
});

describe("the role for restores", () => {
  it.each([
    ["a place to stage rows", "revoke create on database shop from holdfast_writer"],
    ["temporary tables", "revoke temporary on database shop from holdfast_writer, public"],
    ["the schema", "revoke usage on schema public from holdfast_writer, public"],
    ["SELECT", "revoke select on orders from holdfast_writer"],
    ["INSERT", "revoke insert on customers from holdfast_writer"],
    ["UPDATE", "revoke update on customers from holdfast_writer"],
    ["DELETE", "revoke delete on notes from holdfast_writer"],
    ["a way to lock what is referred to", "revoke all on countries from holdfast_writer"],
    [
      "a way to put triggers to rest",
      "revoke set on parameter session_replication_role from holdfast_writer",
    ],
    ["a sequence that is to be moved", "revoke all on customers_id_seq from holdfast_writer"],
    ["all rows", "alter role holdfast_writer nobypassrls"],
  ])("restores nothing without %s, until the doctor's statements have been run", async (_, revoke) => {
    const before = await contents();
    const artifactId = await backUpAs("holdfast_reader");
    await shop.unsafe(DAMAGE);
    const damaged = await contents();
    await shop.unsafe(revoke);
    await expect(restoreAs("holdfast_writer", artifactId)).rejects.toMatchObject({
      code: expect.stringMatching(/^(DATABASE_DENIED|ROW_SECURITY)$/),
    });
    expect(await contents()).toBe(damaged);
    await expectMended("holdfast_writer");
    await restoreAs("holdfast_writer", artifactId);
    expect(await contents()).toBe(before);
  });
});
