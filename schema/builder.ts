// The one schema builder. It defines no types: each type stands in a file of its own, beside the fields that lead to it.
import SchemaBuilder from "@pothos/core";
import type { UploadedFile } from "../src/runs/keeping.ts";
import type { Context } from "./context.ts";
import "./plugins/catalog-enums.ts";
import "./plugins/permissions.ts";

export interface Types {
  Context: Context;
  DefaultFieldNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
    SafeInt: { Input: number; Output: number };
    File: { Input: UploadedFile; Output: never };
  };
}

export const builder = new SchemaBuilder<Types>({
  plugins: ["catalogEnums", "permissions"],
  defaultFieldNullability: false,
});

builder.queryType();
builder.mutationType();
builder.subscriptionType();
