// Documents typed from schema/schema.graphql, and the names of types that pages use.
import { initGraphQLTada } from "gql.tada";
import type { introspection } from "./schema-types.d.ts";

export const graphql = initGraphQLTada<{
  introspection: introspection;
  disableMasking: true;
  scalars: { DateTime: string; SafeInt: number; File: File };
}>();

export type { ResultOf } from "gql.tada";

export type Entity = ReturnType<typeof graphql.scalar<"Entity">>;
export type EntityGroup = ReturnType<typeof graphql.scalar<"EntityGroup">>;
export type Permission = ReturnType<typeof graphql.scalar<"Permission">>;
export type RunStatus = ReturnType<typeof graphql.scalar<"RunStatus">>;
export type RestoreMode = ReturnType<typeof graphql.scalar<"RestoreMode">>;
export type EncryptionKind = ReturnType<typeof graphql.scalar<"EncryptionKind">>;
