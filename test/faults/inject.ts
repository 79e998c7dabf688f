// Does to the rig what the plan says, when the plan says it, and makes everything whole again.
import { setTimeout as delay } from "node:timers/promises";
import postgres from "postgres";
import type { Fault, RoundPlan } from "./plan.ts";
import { seededRandom } from "./random.ts";
import type { Rig } from "./rig.ts";

const RECOVERY_MS = 60_000;

/** Resolves once every fault has come and gone, with all parts back. */
export async function injectFaults(rig: Rig, plan: RoundPlan): Promise<void> {
  const begun = performance.now();
  const until = (atMs: number) => delay(Math.max(0, begun + atMs - performance.now()));
  await Promise.all(
    plan.faults.map(async (fault) => {
      await until(fault.atMs);
      await begin(rig, fault, plan);
      await until(fault.atMs + fault.forMs);
      await end(rig, fault);
    }),
  );
  await restoreParts(rig);
}

/** Whatever state the rig is in. */
export async function restoreParts(rig: Rig): Promise<void> {
  for (const part of Object.values(rig.parts)) part.thaw();
  for (const link of rig.links.values()) link.mend();
  for (const disk of Object.values(rig.disks)) await disk.free();
  rig.front?.behave("sound");
  await rig.ensureUp();
  await databaseIsBack(rig);
}

/** PostgreSQL recovers by itself when it has lost a backend: it is back when it lets somebody in. */
async function databaseIsBack(rig: Rig): Promise<void> {
  for (const deadline = performance.now() + RECOVERY_MS; ;) {
    const sql = postgres(rig.ledgerUrl, { max: 1, connect_timeout: 5 });
    try {
      await sql`SELECT`;
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      // One whose disk was full may end only now.
      await rig.ensureUp();
      await delay(50);
    } finally {
      await sql.end({ timeout: 1 });
    }
  }
}

async function begin(rig: Rig, fault: Fault, plan: RoundPlan): Promise<void> {
  switch (fault.kind) {
    case "kill":
      await rig.parts[fault.part].kill();
      if (fault.part === "redis" && plan.redisForgets) await rig.forgetRedis();
      return;
    case "freeze":
      return rig.parts[fault.part].freeze();
    case "kill a backend": {
      const random = seededRandom(plan.changes);
      return rig.parts.postgres.killChild((pids) => (pids.length === 0 ? undefined : random.pick(pids)));
    }
    case "cut":
      return rig.links.get(fault.link)?.cut();
    case "stall":
      return rig.links.get(fault.link)?.stall();
    case "fill":
      return rig.disks[fault.disk]?.fill();
    case "store":
      return rig.front?.behave(fault.manner);
  }
}

async function end(rig: Rig, fault: Fault): Promise<void> {
  switch (fault.kind) {
    case "kill":
      // Another fault may keep it from starting: then it is started when all of them are over, as an operator would.
      if (!rig.parts[fault.part].isRunning) await rig.parts[fault.part].start().catch(() => undefined);
      return;
    case "freeze":
      return rig.parts[fault.part].thaw();
    case "kill a backend":
      return;
    case "cut":
    case "stall":
      return rig.links.get(fault.link)?.mend();
    case "fill":
      return rig.disks[fault.disk]?.free();
    case "store":
      return rig.front?.behave("sound");
  }
}
