// What is done with verifications: starting one, and watching it.
import { startVerification, verifiedEntities } from "../../src/runs/start-verification.ts";
import { requireWatchable } from "../../src/runs/visible.ts";
import { builder } from "../builder.ts";
import { openerOf, signedIn } from "../context.ts";
import { toUnlockChoice, UnlockInput } from "../unlock-input.ts";
import { VerificationLevelEnum, VerificationType } from "./verification.ts";

const StartVerificationInput = builder.inputType("StartVerificationInput", {
  fields: (t) => ({
    backupId: t.id({ required: true }),
    level: t.field({ type: VerificationLevelEnum, defaultValue: "CONTENTS" }),
    unlock: t.field({ type: UnlockInput }),
  }),
});

builder.mutationField("startVerification", (t) =>
  t.field({
    type: VerificationType,
    description: "Verifies an artifact at one of three depths.",
    args: { input: t.arg({ type: StartVerificationInput, required: true }) },
    requiresEntities: {
      access: "READ",
      of: ({ input }, context) => verifiedEntities(context, signedIn(context), input.backupId),
    },
    resolve: async (_, { input: { backupId, level, unlock } }, context) => {
      const input = { backupId, level: level ?? ("CONTENTS" as const), unlock: toUnlockChoice(unlock) };
      if (unlock) await context.auth.checkOpening(openerOf(context));
      return { run: await startVerification(context, signedIn(context), input, context.origin) };
    },
  }),
);

builder.subscriptionField("verificationProgress", (t) =>
  t.field({
    type: VerificationType,
    description: "The present state at once, then every change; completes after a final state.",
    args: { id: t.arg.id({ required: true }) },
    requiresEntities: {
      access: "READ",
      of: async ({ id }, context) =>
        (await requireWatchable(context, signedIn(context), "VERIFICATION", id)).entities,
    },
    subscribe: (_, { id }, context) => context.watcher.watch(id),
    resolve: (run) => {
      if (run.kind !== "VERIFICATION") throw new Error(`${run.id} is no verification`);
      return { run };
    },
  }),
);
