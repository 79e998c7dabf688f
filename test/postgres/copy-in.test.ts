// Rows into a table: whatever the server or the source says in the end is heard, and nothing is taken by halves.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase, type Database } from "../../src/postgres/connect.ts";
import { copyIn } from "../../src/postgres/copy-in.ts";
import type { Session } from "../../src/postgres/session.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

const TABLE = { schema: "app", name: "t" };
const COLUMNS = ["id", "v"];

async function* chunks(...texts: (string | Error)[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) {
    if (text instanceof Error) throw text;
    yield Buffer.from(text);
  }
}

describe("copyIn", () => {
  let made: TestDatabase;
  let database: Database;

  beforeAll(async () => {
    made = await createDatabase();
    database = openDatabase({ name: "app", url: made.url, applicationName: "test", maxConnections: 2 });
    await using session = await database.session(new AbortController().signal);
    await session.query("CREATE SCHEMA app; CREATE TABLE app.t (id int CHECK (id <> 13), v text)");
  });
  afterAll(async () => {
    await database.close();
    await made.drop();
  });

  const withSession = async <T>(work: (session: Session) => Promise<T>): Promise<T> => {
    await using session = await database.session(new AbortController().signal);
    await session.query("TRUNCATE app.t");
    return await work(session);
  };
  const count = async (session: Session): Promise<number> =>
    (await session.rows<{ n: number }>("SELECT count(*)::int AS n FROM app.t"))[0]?.n ?? -1;

  it("takes rows that are cut anywhere, and says how many there were", async () => {
    await withSession(async (session) => {
      expect(
        await copyIn(session, TABLE, COLUMNS, chunks("1\to", "ne\n2", "", "\t\\N\n", "3\tthr\\nee\n")),
      ).toBe(3);
      expect(await session.rows("SELECT * FROM app.t ORDER BY id")).toEqual([
        { id: 1, v: "one" },
        { id: 2, v: null },
        { id: 3, v: "thr\nee" },
      ]);
    });
  });

  it("takes no rows, and columns in any order", async () => {
    await withSession(async (session) => {
      expect(await copyIn(session, TABLE, COLUMNS, chunks())).toBe(0);
      expect(await copyIn(session, TABLE, ["v", "id"], chunks("x\t7\n"))).toBe(1);
      expect(await session.rows("SELECT id FROM app.t")).toEqual([{ id: 7 }]);
    });
  });

  it("takes a row that is larger than a message", async () => {
    await withSession(async (session) => {
      const large = "x".repeat(3_000_000);
      expect(await copyIn(session, TABLE, COLUMNS, chunks(`1\t${large}\n`))).toBe(1);
      expect(await session.rows("SELECT length(v) AS n FROM app.t")).toEqual([{ n: 3_000_000 }]);
    });
  });

  it("serves one COPY after the other in the same session", async () => {
    await withSession(async (session) => {
      for (let id = 0; id < 50; id += 1)
        await copyIn(session, TABLE, COLUMNS, chunks(`${id === 13 ? 99 : id}\tx\n`));
      expect(await count(session)).toBe(50);
    });
  });

  it("fails with what the server says of a row, the last one too, and keeps none of them", async () => {
    for (const rows of [
      "13\tx\n",
      `${"1\tx\n".repeat(100_000)}13\tx\n`,
      `13\tx\n${"1\tx\n".repeat(1_000_000)}`,
    ]) {
      const load = withSession((session) => copyIn(session, TABLE, COLUMNS, chunks(rows)));
      await expect(load).rejects.toMatchObject({ code: "CONSTRAINT_VIOLATED" });
    }
    await expect(withSession((session) => copyIn(session, TABLE, COLUMNS, chunks("1\n")))).rejects.toThrow(
      /missing data for column "v"/,
    );
    await expect(withSession((session) => copyIn(session, TABLE, COLUMNS, chunks("1\tx")))).resolves.toBe(1);
  });

  it("fails before the first row where there is no such table", async () => {
    const load = withSession((session) =>
      copyIn(session, { schema: "app", name: "none" }, COLUMNS, chunks("1\tx\n")),
    );
    await expect(load).rejects.toMatchObject({ code: "TABLE_MISSING" });
  });

  it("fails with what its source throws, and keeps no row", async () => {
    const broken = new Error("cut short");
    await withSession(async (session) => {
      await expect(copyIn(session, TABLE, COLUMNS, chunks("1\tx\n", "2\t", broken))).rejects.toBe(broken);
    });
    await using other = await database.session(new AbortController().signal);
    expect(await count(other)).toBe(0);
  });

  it("stops with its signal while the source says nothing", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const { promise: waiting, resolve } = Promise.withResolvers<void>();
    async function* silent(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("1\tx\n");
      resolve();
      await new Promise(() => undefined);
    }
    const session = await database.session(controller.signal);
    const load = expect(copyIn(session, TABLE, COLUMNS, silent())).rejects.toBe(reason);
    await waiting;
    controller.abort(reason);
    await load;
    await session.close();
  });
});
