// GraphiQL's worked examples are valid: every operation, with the variables that stand beside it. And signing in in one
// of them signs the others in.
import { runInNewContext } from "node:vm";
import { getVariableValues, Kind, parse, validate } from "graphql";
import { describe, expect, it } from "vitest";
import { buildSchema } from "../../schema/schema.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import { GRAPHIQL } from "../../src/http/graphiql.ts";
import { renderGraphiqlPage } from "../../src/http/graphiql-page.ts";

const schema = buildSchema(platformCatalog);
const tabs = (GRAPHIQL.defaultTabs ?? []).map(({ query, variables }, index) => ({
  number: index + 1,
  document: parse(query ?? ""),
  variables: JSON.parse(variables ?? "{}"),
}));

describe.each(tabs)("example $number", ({ document, variables }) => {
  it("asks for what there is", () => {
    expect(validate(schema, document)).toEqual([]);
  });

  it("comes with every variable that it needs, and no other", () => {
    const operations = document.definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION);
    const definitions = operations.flatMap((operation) => operation.variableDefinitions ?? []);
    expect(getVariableValues(schema, definitions, variables).errors).toBeUndefined();
    const names = new Set(definitions.map(({ variable }) => variable.name.value));
    expect(Object.keys(variables).filter((name) => !names.has(name))).toEqual([]);
  });
});

it("there are examples from signing in to restoring", () => {
  expect(tabs).toHaveLength(6);
});

describe("the page", () => {
  /** The page's fetch before a server that answers as it is told, and the authorization that each request brought. */
  async function openPage(answers: readonly Response[]) {
    const html = await renderGraphiqlPage(GRAPHIQL);
    const [, script = ""] = /<script>([^]*?)<\/script>\s*<\/head>/.exec(html) ?? [];
    const left = [...answers];
    const brought: (string | null)[] = [];
    const window = {
      fetch: (_: string, init: RequestInit): Promise<Response> => {
        brought.push(new Headers(init.headers).get("authorization"));
        return Promise.resolve(left.shift() ?? Response.json({}));
      },
    };
    runInNewContext(script, { window, Headers });
    return { ask: (init?: RequestInit) => window.fetch("/graphql", init ?? {}), brought };
  }

  it("sends the token that login answered with whatever names none of its own", async () => {
    const { ask, brought } = await openPage([Response.json({ data: { login: { token: "t" } } })]);
    const answer = await ask();
    expect(await answer.json()).toEqual({ data: { login: { token: "t" } } });
    await ask();
    await ask({ headers: { authorization: "Bearer own" } });
    expect(brought).toEqual([null, "Bearer t", "Bearer own"]);
  });

  it("forgets a token that is refused", async () => {
    const refused = Response.json({ errors: [] }, { status: 401 });
    const { ask, brought } = await openPage([Response.json({ data: { login: { token: "t" } } }), refused]);
    await ask();
    await ask();
    await ask();
    expect(brought).toEqual([null, "Bearer t", null]);
  });
});
