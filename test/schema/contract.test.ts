// Holds the printed schema against the contract that clients were promised: contract.graphql is that contract, whole;
// LATER names what of it is still to be built.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { printSchemaWithDirectives } from "@graphql-tools/utils";
import {
  Kind,
  parse,
  print,
  visit,
  type ASTNode,
  type DirectiveDefinitionNode,
  type DocumentNode,
  type EnumValueDefinitionNode,
  type FieldDefinitionNode,
  type InputValueDefinitionNode,
  type TypeDefinitionNode,
} from "graphql";
import { describe, expect, it } from "vitest";
import { buildSchema } from "../../schema/schema.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";

/** Types, and fields of types, that come with importing, verifying, rekeying, schedules and pruning. */
const LATER: readonly string[] = [];

interface Definition {
  /** Equal for two definitions that mean the same to a client. */
  readonly meaning: string;
  readonly description: string | undefined;
}

/** Every type, field, argument, enum value and directive of a document, by its coordinate: `Query.backup.id`. */
function definitionsIn(document: DocumentNode): Map<string, Definition> {
  const found = new Map<string, Definition>();
  const way: string[] = [];
  visit(document, {
    enter(node) {
      if (!isDefinition(node)) return;
      way.push(`${node.kind === Kind.DIRECTIVE_DEFINITION ? "@" : ""}${node.name.value}`);
      found.set(way.join("."), { meaning: meaningOf(node), description: node.description?.value });
    },
    leave(node) {
      if (isDefinition(node)) way.pop();
    },
  });
  return found;
}

type NamedDefinition =
  | TypeDefinitionNode
  | DirectiveDefinitionNode
  | FieldDefinitionNode
  | InputValueDefinitionNode
  | EnumValueDefinitionNode;

function isDefinition(node: ASTNode): node is NamedDefinition {
  // Of the other definitions that a schema's document may have, none has a name.
  return node.kind.endsWith("Definition") && "name" in node;
}

/** The node without what stands under coordinates of its own, and without its description and the directives on it. */
function meaningOf(definition: NamedDefinition): string {
  const bare = visit(definition, {
    enter(node, key) {
      const isOther = node !== definition && isDefinition(node);
      return isOther || key === "description" || node.kind === Kind.DIRECTIVE ? null : undefined;
    },
  });
  return print(bare);
}

const contract = definitionsIn(
  parse(await readFile(path.join(import.meta.dirname, "contract.graphql"), "utf8")),
);
const built = definitionsIn(parse(printSchemaWithDirectives(buildSchema(platformCatalog))));

const isLater = (coordinate: string) =>
  LATER.some((later) => coordinate === later || coordinate.startsWith(`${later}.`));
const promised = [...contract.keys()].filter((coordinate) => !isLater(coordinate));

describe("the contract", () => {
  it("is kept, name by name, with types, nullability, defaults and interfaces", () => {
    const meanings = (definitions: Map<string, Definition>) =>
      Object.fromEntries(promised.map((coordinate) => [coordinate, definitions.get(coordinate)?.meaning]));
    expect(meanings(built)).toEqual(meanings(contract));
  });

  it("is kept in its descriptions", () => {
    const described = promised.filter((coordinate) => contract.get(coordinate)?.description !== undefined);
    const descriptions = (definitions: Map<string, Definition>) =>
      Object.fromEntries(
        described.map((coordinate) => [coordinate, definitions.get(coordinate)?.description]),
      );
    expect(descriptions(built)).toEqual(descriptions(contract));
    expect(described.length).toBeGreaterThan(20);
  });

  it("names as later only what it has and what is not built", () => {
    expect(LATER.filter((coordinate) => !contract.has(coordinate))).toEqual([]);
    expect(LATER.filter((coordinate) => built.has(coordinate))).toEqual([]);
  });

  it("is read to the last argument and enum value", () => {
    expect(promised).toEqual(
      expect.arrayContaining([
        ...["@requires.permissions", "Query.backups.first", "Permission.READ_ACLS", "StartRestoreInput.mode"],
      ]),
    );
    expect(contract.get("Query.backups.first")?.meaning).toBe("first: Int = 20");
    expect(contract.get("Backup")?.meaning).toBe("type Backup implements Run");
  });
});
