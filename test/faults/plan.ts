// What a round does and what befalls it, drawn from the seed before anything of it happens.
import type { RestoreMode } from "../../src/core/run.ts";
import { seededRandom, type Random } from "./random.ts";
import type { Manner } from "./store-front.ts";

export const PROCESSES = ["server", "worker1", "worker2"] as const;
export type ProcessName = (typeof PROCESSES)[number];
export type PartName = ProcessName | "postgres" | "redis";
/** What each of the processes has a link of its own to. */
export const SERVICES = ["ledger", "databases", "redis", "s3"] as const;
export type LinkName = `${ProcessName}-${(typeof SERVICES)[number]}`;
export type DiskName = "store" | "database";

interface Timed {
  readonly atMs: number;
}
interface Lasting extends Timed {
  readonly forMs: number;
}

export type Fault =
  | (Lasting & { readonly kind: "kill" | "freeze"; readonly part: PartName })
  /** Of PostgreSQL's: the server then ends all of its sessions, and recovers. */
  | (Timed & { readonly kind: "kill a backend"; readonly forMs: 0 })
  | (Lasting & { readonly kind: "cut" | "stall"; readonly link: LinkName })
  | (Lasting & { readonly kind: "fill"; readonly disk: DiskName })
  | (Lasting & { readonly kind: "store"; readonly manner: Exclude<Manner, "sound"> });

export interface BackupPlan extends Timed {
  readonly entities: readonly string[];
  readonly stores: readonly string[];
  readonly encryption: "NONE" | "PASSPHRASE" | "RECIPIENTS";
  readonly cancelAtMs: number | undefined;
}
export interface RestorePlan extends Timed {
  /** Which of the backups that were made at first. */
  readonly base: number;
  readonly mode: RestoreMode;
  readonly withArchive: boolean;
  readonly cancelAtMs: number | undefined;
}
export interface VerificationPlan extends Timed {
  readonly base: number;
  readonly level: "STORED" | "CONTENTS" | "DRILL";
}

export interface RoundPlan {
  /** Decides how the shop is changed before the round. */
  readonly changes: string;
  /** Whether Redis has forgotten everything when it is started again. */
  readonly redisForgets: boolean;
  readonly backups: readonly BackupPlan[];
  readonly restore: RestorePlan;
  readonly verification: VerificationPlan | undefined;
  readonly faults: readonly Fault[];
}

export interface Possibilities {
  readonly disks: readonly DiskName[];
  readonly stores: readonly string[];
  readonly bases: number;
}

const ALL = ["BANK", "PRODUCTS", "ENTRIES"];

export function planRound(seed: number, round: number, possible: Possibilities): RoundPlan {
  const random = seededRandom(`${seed}/${round}`);
  const cancel = () => (random.chance(0.2) ? random.integer(200, 4_000) : undefined);
  const { stores } = possible;
  const backups = Array.from({ length: random.integer(1, 2) }, (): BackupPlan => ({
    atMs: random.integer(0, 1_500),
    entities: random.pick([ALL, ALL, ["BANK"], ["PRODUCTS", "ENTRIES"]]),
    stores: random.pick([...stores.map((name) => [name]), stores]),
    encryption: random.pick(["NONE", "NONE", "NONE", "RECIPIENTS", "RECIPIENTS", "RECIPIENTS", "PASSPHRASE"]),
    cancelAtMs: cancel(),
  }));
  return {
    changes: `${seed}/${round}/changes`,
    redisForgets: random.chance(0.5),
    backups,
    restore: {
      atMs: random.integer(0, 1_500),
      base: random.integer(0, possible.bases - 1),
      mode: random.pick(["MERGE", "REPLACE", "REPLACE", "INSERT_MISSING"]),
      withArchive: random.chance(0.5),
      cancelAtMs: cancel(),
    },
    verification: random.chance(0.3)
      ? {
          atMs: random.integer(0, 1_500),
          base: random.integer(0, possible.bases - 1),
          level: random.pick(["STORED", "CONTENTS", "DRILL"]),
        }
      : undefined,
    faults: Array.from({ length: random.integer(1, 3) }, () => drawFault(random, possible)).toSorted(
      (one, other) => one.atMs - other.atMs,
    ),
  };
}

function drawFault(random: Random, { disks, stores }: Possibilities): Fault {
  const time = { atMs: random.integer(100, 4_000), forMs: random.pick([300, 1_000, 3_000, 7_000]) };
  const parts: readonly PartName[] = [...PROCESSES, "worker1", "worker2", "postgres", "redis"];
  const link = (): LinkName => {
    const service = random.pick(SERVICES.filter((name) => name !== "s3" || stores.includes("remote")));
    return `${random.pick([...PROCESSES, "worker1", "worker2"] as const)}-${service}`;
  };
  const kinds = [
    ...(["kill", "kill", "kill", "freeze", "freeze", "cut", "stall", "kill a backend"] as const),
    ...(disks.length > 0 ? (["fill"] as const) : []),
    ...(stores.includes("remote") ? (["store"] as const) : []),
  ];
  const kind = random.pick(kinds);
  if (kind === "kill" || kind === "freeze") return { kind, part: random.pick(parts), ...time };
  if (kind === "kill a backend") return { kind, atMs: time.atMs, forMs: 0 };
  if (kind === "cut" || kind === "stall") return { kind, link: link(), ...time };
  if (kind === "fill") return { kind, disk: random.pick(disks), ...time };
  return { kind, manner: random.pick(["errors", "short", "slow"]), ...time };
}
