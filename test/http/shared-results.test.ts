// Results that subscribers share: made once for those of whom all is the same, and never for others.
import { randomUUID } from "node:crypto";
import { GraphQLObjectType, GraphQLSchema, GraphQLString } from "graphql";
import { createYoga } from "graphql-yoga";
import { expect, it } from "vitest";
import type { Caller } from "../../src/auth/caller.ts";
import { shareResults } from "../../src/http/shared-results.ts";
import { finishedBackup, queuedRestore } from "./runs-driver.ts";
import { startTestServer } from "./server-fixture.ts";
import { next, subscribe, TRANSPORTS } from "./subscribe.ts";

interface Payload {
  readonly text: string;
}

/** Subscribers of payloads; each result that is made says by its number that it was. */
function createWorld() {
  let made = 0;
  let payload: Payload = { text: "a" };
  const type = new GraphQLObjectType<Payload, { identity: { caller: Caller } }>({
    name: "Told",
    fields: {
      text: { type: GraphQLString, resolve: ({ text }) => `${text} ${(made += 1)}` },
      failing: {
        type: GraphQLString,
        resolve: () => {
          throw new Error(`failed ${(made += 1)}`);
        },
      },
    },
  });
  const field = {
    type,
    args: { name: { type: GraphQLString } },
    async *subscribe() {
      yield payload;
    },
    resolve: (value: Payload) => value,
  };
  const yoga = createYoga<{ caller: Caller }>({
    schema: new GraphQLSchema({
      query: new GraphQLObjectType({ name: "Query", fields: { none: { type: GraphQLString } } }),
      subscription: new GraphQLObjectType({ name: "Subscription", fields: { told: field } }),
    }),
    logging: false,
    context: ({ caller }) => ({ identity: { caller } }),
    plugins: [shareResults()],
  });
  return {
    change: (text: string) => (payload = { text }),
    told: async (
      permissions: string[],
      { name = "n", query = "subscription ($name: String) { told(name: $name) { text } }" } = {},
    ) => {
      const caller = { userId: randomUUID(), permissions: new Set(permissions) };
      const response = await yoga.fetch(
        "http://holdfast/graphql",
        {
          method: "POST",
          headers: { "content-type": "application/json", accept: "text/event-stream" },
          body: JSON.stringify({ query, variables: { name } }),
        },
        { caller: caller as unknown as Caller },
      );
      return /^data: (.+)$/m.exec(await response.text())?.[1];
    },
  };
}

const text = (value: string): string => JSON.stringify({ data: { told: { text: value } } });

it("a result is made once for callers of the same permissions, in whatever order these come", async () => {
  const { told } = createWorld();
  expect(await Promise.all([told(["A", "B"]), told(["B", "A"]), told(["A", "B"])])).toEqual([
    text("a 1"),
    text("a 1"),
    text("a 1"),
  ]);
});

it("other permissions, variables or documents, and another payload, have a result of their own", async () => {
  const { told, change } = createWorld();
  const inOther = "subscription ($name: String) { told(name: $name) { text } } # another";
  expect([await told(["A"]), await told([]), await told(["A"], { name: "m" })]).toEqual(
    ["a 1", "a 2", "a 3"].map(text),
  );
  expect(await told(["A"], { query: inOther })).toBe(text("a 4"));
  change("a");
  expect([await told(["A"]), await told(["A"])]).toEqual(["a 5", "a 5"].map(text));
});

it("errors that are shared are masked for each", async () => {
  const { told } = createWorld();
  const query = "subscription { told { failing } }";
  const answers = await Promise.all([told([], { query }), told([], { query })]);
  for (const answer of answers) {
    expect(answer).toContain("Unexpected error.");
    expect(answer).not.toContain("failed 1");
  }
});

it.each(TRANSPORTS)(
  "over %s, who may read less of a backup is shown less, beside one who may read it all",
  async (transport) => {
    await using server = await startTestServer();
    const { ledger } = server.world;
    const backupId = await finishedBackup(ledger, ["USERS", "ALERTS"]);
    const id = await queuedRestore(ledger, backupId, ["USERS"]);
    const shown = async (...permissions: string[]) => {
      const { authorization } = await server.accountWith(...permissions);
      return subscribe<{ restoreProgress: { backup: { entities: string[] } } }>(transport, server.url, {
        query: "subscription ($id: ID!) { restoreProgress(id: $id) { backup { entities } } }",
        variables: { id },
        authorization,
      });
    };
    const answers = [await shown("READ_ACLS", "READ_ALERTS"), await shown("READ_ACLS")];
    const firsts = await Promise.all(answers.map((each) => next(each)));
    expect(firsts.map(({ data }) => data?.restoreProgress.backup.entities)).toEqual([
      ["USERS", "ALERTS"],
      ["USERS"],
    ]);
    for (const each of answers) await each.return();
  },
);
