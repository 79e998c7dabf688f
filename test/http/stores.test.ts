// What clients see of stores: where they are, whether they can be reached, and which of them did not take a backup.
import { afterAll, beforeAll, expect, it } from "vitest";
import { HoldfastError } from "../../src/core/errors.ts";
import type { StoreAccess } from "../../src/runs/deps.ts";
import { finishedBackup } from "./runs-driver.ts";
import { ALL, ask, codeOf, startTestServer, type Account, type TestServer } from "./server-fixture.ts";

let server: TestServer;
let manager: Account;
let reader: Account;
let looks = 0;
beforeAll(async () => {
  const sound: StoreAccess = {
    place: "/var/backups",
    look: async () => void (looks += 1),
    probe: async () => undefined,
  };
  const down = async () => {
    throw new HoldfastError("STORE_FAILED", "The SFTP store cannot be reached.", { hint: "Call them." });
  };
  server = await startTestServer({
    stores: [
      { name: "local", kind: "fs", isDefault: true, access: sound },
      {
        ...{ name: "offsite", kind: "sftp", isDefault: false },
        access: { place: "sftp://me@far:22/b", look: down, probe: down },
      },
    ],
  });
  manager = await server.accountWith(...ALL);
  reader = await server.accountWith("READ_ACLS");
});
afterAll(() => server[Symbol.asyncDispose]());

const asked = (document: string, { authorization }: Account, variables = {}) =>
  ask(server.url, document, { authorization, variables });

it("names the stores to everybody, and asks none of them how it fares", async () => {
  const { data } = await asked("{ stores { name kind default place } }", reader);
  expect(data).toEqual({
    stores: [
      { name: "local", kind: "fs", default: true, place: null },
      { name: "offsite", kind: "sftp", default: false, place: null },
    ],
  });
  expect(looks).toBe(0);
});

it("says where they are and how they fare to those who look after backups, and to nobody else", async () => {
  const document = "{ stores { place health { reachable error { code message hint } } } }";
  expect((await asked(document, manager)).data).toEqual({
    stores: [
      { place: "/var/backups", health: { reachable: true, error: null } },
      {
        place: "sftp://me@far:22/b",
        health: {
          reachable: false,
          error: {
            code: "STORE_FAILED",
            message: "The SFTP store cannot be reached.",
            hint: "Call them.",
          },
        },
      },
    ],
  });
  expect(looks).toBe(1);
  expect((await asked(document, reader)).data).toEqual({
    stores: [
      { place: null, health: null },
      { place: null, health: null },
    ],
  });
  expect(looks).toBe(1);
});

it("tries a store for those who look after backups", async () => {
  const document = "mutation ($name: String!) { checkStore(name: $name) { reachable error { code } } }";
  const check = (name: string, by = manager) => asked(document, by, { name });
  expect((await check("local")).data).toEqual({ checkStore: { reachable: true, error: null } });
  expect((await check("offsite")).data).toEqual({
    checkStore: { reachable: false, error: { code: "STORE_FAILED" } },
  });
  expect(codeOf(await check("attic"))).toBe("NOT_FOUND");
  expect(codeOf(await check("local", reader))).toBe("FORBIDDEN");
});

it("names the stores that did not take a backup, beside those that have it", async () => {
  const { ledger } = server.world;
  const id = await finishedBackup(ledger, ["USERS"], { stores: ["local", "offsite"] });
  const failure = { store: "offsite", code: "STORE_FAILED", message: "The disk is full.", hasRemains: true };
  await ledger.sql`update holdfast.artifacts set failed_stores = ${JSON.stringify([failure])}::text::jsonb where run_id = ${id}`;
  const { data } = await asked(
    "query ($id: ID!) { backup(id: $id) { status stores storeFailures { store code message } } }",
    reader,
    { id },
  );
  expect(data).toEqual({
    backup: {
      status: "SUCCEEDED",
      stores: ["local"],
      storeFailures: [{ store: "offsite", code: "STORE_FAILED", message: "The disk is full." }],
    },
  });
});
