// AccessToken: personal access tokens, made, listed and revoked by their owner.
import type { AccessToken } from "../../src/auth/tokens.ts";
import { builder } from "../builder.ts";
import { signedIn } from "../context.ts";
import { PermissionEnum } from "../enums.ts";

const AccessTokenType = builder.objectRef<AccessToken>("AccessToken").implement({
  fields: (t) => ({
    id: t.exposeID("id"),
    name: t.exposeString("name"),
    permissions: t.field({ type: [PermissionEnum], resolve: ({ permissions }) => [...permissions] }),
    createdAt: t.expose("createdAt", { type: "DateTime" }),
    expiresAt: t.expose("expiresAt", { type: "DateTime", nullable: true }),
    lastUsedAt: t.expose("lastUsedAt", { type: "DateTime", nullable: true }),
  }),
});

interface NewAccessToken {
  readonly token: string;
  readonly accessToken: AccessToken;
}

const NewAccessTokenType = builder.objectRef<NewAccessToken>("NewAccessToken").implement({
  fields: (t) => ({
    token: t.exposeString("token"),
    accessToken: t.expose("accessToken", { type: AccessTokenType }),
  }),
});

const CreateTokenInput = builder.inputType("CreateTokenInput", {
  fields: (t) => ({
    name: t.string({ required: true }),
    permissions: t.field({
      type: [PermissionEnum],
      description: "Left out: all of the caller's own. Never more than the caller's own.",
    }),
    expiresAt: t.field({ type: "DateTime" }),
  }),
});

builder.queryField("tokens", (t) =>
  t.field({
    type: [AccessTokenType],
    requires: [],
    resolve: (_, _args, context) => context.auth.listTokens(signedIn(context)),
  }),
);

builder.mutationField("createToken", (t) =>
  t.field({
    type: NewAccessTokenType,
    requires: [],
    args: { input: t.arg({ type: CreateTokenInput, required: true }) },
    resolve: (_, { input }, context) => context.auth.createToken(signedIn(context), input, context.origin),
  }),
);

builder.mutationField("revokeToken", (t) =>
  t.boolean({
    requires: [],
    args: { id: t.arg.id({ required: true }) },
    resolve: async (_, { id }, context) => {
      await context.auth.revokeToken(signedIn(context), id, context.origin);
      return true;
    },
  }),
);
