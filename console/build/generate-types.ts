// Writes what gql.tada types documents from: schema/schema.graphql as one TypeScript type. Not checked in, so that nobody
// has to remember it after changing the schema.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { minifyIntrospection, outputIntrospectionFile } from "@gql.tada/internal";
import { buildSchema, introspectionFromSchema } from "graphql";

const SCHEMA = path.join(import.meta.dirname, "../../schema/schema.graphql");
const TYPES = path.join(import.meta.dirname, "../graphql/schema-types.d.ts");

const introspection = introspectionFromSchema(buildSchema(await readFile(SCHEMA, "utf8")), {
  descriptions: false,
});
const types = outputIntrospectionFile(minifyIntrospection(introspection), {
  fileType: ".d.ts",
  shouldPreprocess: true,
});
// The declaration of gql.tada's global setup is left out: console/graphql/tada.ts does that.
await writeFile(TYPES, types.slice(0, types.indexOf("import * as gqlTada")));
