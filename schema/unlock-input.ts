// UnlockInput: what opens an artifact, for every act that needs it.
import type { UnlockChoice } from "../src/runs/start-restore.ts";
import { builder } from "./builder.ts";

export const UnlockInput = builder.inputType("UnlockInput", {
  description: "What opens an artifact; at most one of the two.",
  fields: (t) => ({
    passphrase: t.string(),
    identity: t.string({ description: "An age identity (AGE-SECRET-KEY-1...)." }),
  }),
});

/** GraphQL's null means the same as leaving a field out. */
export function toUnlockChoice(input: typeof UnlockInput.$inferInput | null | undefined): UnlockChoice {
  return { passphrase: input?.passphrase ?? undefined, identity: input?.identity ?? undefined };
}
