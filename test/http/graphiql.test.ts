// GraphiQL's worked examples are valid: every operation, with the variables that stand beside it.
import { getVariableValues, Kind, parse, validate } from "graphql";
import { describe, expect, it } from "vitest";
import { buildSchema } from "../../schema/schema.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import { GRAPHIQL } from "../../src/http/graphiql.ts";

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
