// The scalars that GraphQL does not bring: moments in time, whole numbers past 32 bits, and files.
import { GraphQLError, Kind, type ValueNode } from "graphql";
import { UploadedFile } from "../src/runs/keeping.ts";
import { builder } from "./builder.ts";

builder.scalarType("DateTime", {
  description: "RFC 3339, UTC",
  serialize: (value) => value.toISOString(),
  parseValue: parseDateTime,
  parseLiteral: (node) => parseDateTime(node.kind === Kind.STRING ? node.value : undefined),
});

builder.scalarType("SafeInt", {
  description: "a whole number up to 2^53 - 1, as a JSON number",
  serialize: (value) => value,
  parseValue: parseSafeInt,
  parseLiteral: (node: ValueNode) => parseSafeInt(node.kind === Kind.INT ? Number(node.value) : undefined),
});

builder.scalarType("File", {
  description: "multipart upload",
  serialize: () => {
    throw new GraphQLError("A File is never part of an answer.");
  },
  parseValue: parseFile,
  parseLiteral: () => parseFile(undefined),
});

const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i;

function parseDateTime(value: unknown): Date {
  const date = typeof value === "string" && RFC_3339.test(value) ? new Date(value) : undefined;
  if (date === undefined || Number.isNaN(date.getTime())) {
    throw new GraphQLError("A DateTime is an RFC 3339 time, such as 2026-11-22T08:00:00Z.");
  }
  return date;
}

function parseFile(value: unknown): UploadedFile {
  if (value instanceof UploadedFile) return value;
  throw new GraphQLError("A File is a variable whose value comes as a part of a multipart request.");
}

function parseSafeInt(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new GraphQLError("A SafeInt is a whole number up to 2^53 - 1.");
  return Number(value);
}
