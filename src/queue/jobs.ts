// The jobs, defined once: what is put into the queue, and how what comes out of it is read.
import type { JobsOptions } from "bullmq";
import { z } from "zod";
import type { RunKind } from "../core/run.ts";

/** A job says which run to take up, and nothing more: what is to be done, secrets too, is in the ledger. */
const payload = z.strictObject({ runId: z.uuid() });
export type JobPayload = z.infer<typeof payload>;

/** The name of a job is the kind of its run. */
const kind = z.enum(["BACKUP", "RESTORE", "VERIFICATION"]) satisfies z.ZodType<RunKind>;

const options: JobsOptions = {
  // For what goes wrong outside a run, such as a ledger out of reach; a run's own failures are counted in the ledger.
  attempts: 5,
  backoff: { type: "exponential", delay: 1_000 },
  // History is the ledger's. A job that stayed would keep the run from being queued again, too.
  removeOnComplete: true,
  removeOnFail: true,
};

export interface JobDescription {
  readonly name: RunKind;
  readonly data: JobPayload;
  readonly opts: JobsOptions;
}

/** @throws ZodError for an id that is no UUID */
export function describeJob(runKind: RunKind, runId: string): JobDescription {
  const data = payload.parse({ runId });
  // One job a run: queueing it twice queues it once.
  return { name: kind.parse(runKind), data, opts: { ...options, jobId: data.runId } };
}

/** @throws ZodError for what `describeJob` did not make */
export function readJob(job: { readonly name: string; readonly data: unknown }): {
  kind: RunKind;
  runId: string;
} {
  return { kind: kind.parse(job.name), runId: payload.parse(job.data).runId };
}
