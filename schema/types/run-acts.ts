// What is done with runs of any kind: cancelling one, and watching all.
import type { Run } from "../../src/ledger/run-row.ts";
import { cancelRun } from "../../src/runs/cancel-run.ts";
import { watchVisibleRuns, withArtifact } from "../../src/runs/visible.ts";
import { builder } from "../builder.ts";
import { signedIn, type Context } from "../context.ts";
import { RunInterface, type RunShape } from "./run.ts";

builder.mutationField("cancelRun", (t) =>
  t.field({
    type: RunInterface,
    description:
      "Cancels a queued or running run, wherever its worker is. What was there before stays as it was.",
    args: { id: t.arg.id({ required: true }) },
    requiresEntities: { access: "READ", of: "result" },
    resolve: async (_, { id }, context) =>
      shapeOf(await cancelRun(context, signedIn(context), id, context.origin), context),
  }),
);

builder.subscriptionField("runs", (t) =>
  t.field({
    type: RunInterface,
    description: "Every run that the caller may read, as it changes.",
    requiresEntities: { access: "READ", of: "result" },
    subscribe: (_, _args, context) => watchVisibleRuns(context, context.watcher, () => signedIn(context)),
    resolve: (run, _, context) => shapeOf(run, context),
  }),
);

/** What a run is: a Backup, a Restore or a Verification. */
async function shapeOf(run: Run, context: Context): Promise<RunShape> {
  return run.kind === "BACKUP" ? withArtifact(context, run) : { run };
}
