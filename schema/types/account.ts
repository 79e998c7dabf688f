// Account and Session: signing in, who one is, changing one's password.
import type { SignIn } from "../../src/auth/accounts.ts";
import type { Caller } from "../../src/auth/caller.ts";
import { builder } from "../builder.ts";
import { signedIn } from "../context.ts";
import { PermissionEnum } from "../enums.ts";

const AccountType = builder.objectRef<Caller>("Account").implement({
  fields: (t) => ({
    id: t.id({ resolve: ({ userId }) => userId }),
    username: t.exposeString("username"),
    permissions: t.field({ type: [PermissionEnum], resolve: ({ permissions }) => [...permissions] }),
    roles: t.stringList({ resolve: ({ roles }) => [...roles] }),
  }),
});

const SessionType = builder.objectRef<SignIn>("Session").implement({
  fields: (t) => ({
    token: t.exposeString("token"),
    expiresAt: t.expose("expiresAt", { type: "DateTime" }),
    account: t.field({ type: AccountType, resolve: ({ caller }) => caller }),
  }),
});

builder.queryField("me", (t) =>
  t.field({
    type: AccountType,
    nullable: true,
    public: true,
    resolve: (_, _args, { identity }) => identity.caller,
  }),
);

builder.mutationField("login", (t) =>
  t.field({
    type: SessionType,
    public: true,
    args: { username: t.arg.string({ required: true }), password: t.arg.string({ required: true }) },
    resolve: (_, { username, password }, { auth, origin }) => auth.signIn(username, password, origin),
  }),
);

builder.mutationField("logout", (t) =>
  t.boolean({
    description:
      "Ends the session that it is called with; false: a personal access token is revoked instead.",
    requires: [],
    resolve: (_, _args, context) => context.auth.signOut(signedIn(context), context.origin),
  }),
);

builder.mutationField("changePassword", (t) =>
  t.boolean({
    requires: [],
    args: { oldPassword: t.arg.string({ required: true }), newPassword: t.arg.string({ required: true }) },
    resolve: async (_, { oldPassword, newPassword }, context) => {
      const passwords = { old: oldPassword, new: newPassword };
      await context.auth.changePassword(signedIn(context), passwords, context.origin);
      return true;
    },
  }),
);
