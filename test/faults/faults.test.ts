// Kill anything, anywhere: rounds of backups and restores under faults that a seed decides. docs/reliability.md says what
// has to hold, and how to choose seed and rounds.
import { appendFile, cp } from "node:fs/promises";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { restoreParts } from "./inject.ts";
import { signIn, type Base, type Operator } from "./operator.ts";
import { planRound, type Possibilities, type RoundPlan } from "./plan.ts";
import { openRig, type Rig } from "./rig.ts";
import { playRound } from "./round.ts";
import { waitForEnds } from "./runs.ts";

const { env } = process;
const SEED = Number(env["HOLDFAST_TEST_FAULTS_SEED"] ?? 137);
const FIRST = Number(env["HOLDFAST_TEST_FAULTS_FIRST"] ?? 1);
const ROUNDS = Number(env["HOLDFAST_TEST_FAULTS_ROUNDS"] ?? 4);
/** A line of JSON for each round is appended to this file. */
const REPORT = env["HOLDFAST_TEST_FAULTS_REPORT"];
/** Where the logs of a round that fails are left; left out: their last lines are shown, and that is all. */
const LOGS = env["HOLDFAST_TEST_FAULTS_LOGS"];
const ROUND_TIMEOUT_MS = 400_000;

interface World {
  readonly rig: Rig;
  readonly operator: Operator;
  readonly bases: readonly Base[];
  readonly possible: Possibilities;
}

/**
 * With a backup of the shop's first state in each choice of stores. None has a passphrase: each restore would spend a second on
 * computing its key.
 */
async function openWorld(): Promise<World> {
  const rig = await openRig(SEED % 2 === 0);
  try {
    const patience = AbortSignal.timeout(60_000);
    const operator = await signIn(rig, patience);
    const stores = rig.swift === undefined ? ["local"] : ["local", "remote"];
    const bases: Base[] = [];
    for (const [encryption, places] of [
      ["RECIPIENTS", ["local"]],
      ["NONE", stores.slice(-1)],
      ["RECIPIENTS", stores],
    ] as const) {
      const plan = { entities: ["PRODUCTS", "ENTRIES"], stores: places, encryption };
      bases.push({ backupId: await operator.startBackup(plan, patience), encryption });
    }
    await waitForEnds(rig, new Date(0), performance.now());
    const disks = (["store", "database"] as const).filter((name) => rig.disks[name] !== undefined);
    for (const [what, is] of [
      ["full disks: this process may not mount any", disks.length > 0],
      ["a store that fails: Debian's Swift is not installed", rig.swift !== undefined],
    ] as const)
      if (!is) console.warn(`Left out of the rounds: ${what}.`);
    return { rig, operator, bases, possible: { disks, stores, bases: bases.length } };
  } catch (error) {
    await rig[Symbol.asyncDispose]();
    throw error;
  }
}

async function note(round: number, plan: RoundPlan, outcome: object): Promise<void> {
  if (REPORT !== undefined)
    await appendFile(REPORT, `${JSON.stringify({ seed: SEED, round, plan, ...outcome })}\n`);
}

/** Everything that it takes to play the round again, and to see what happened in it. */
async function describeFault(rig: Rig, round: number, plan: RoundPlan, error: unknown): Promise<string> {
  if (LOGS !== undefined)
    await cp(path.join(rig.directory, "logs"), path.join(LOGS, `${SEED}-${round}`), { recursive: true });
  const tails = await Promise.all(Object.values(rig.parts).map((part) => part.logTail()));
  return [
    `Round ${round} of seed ${SEED}: ${error instanceof Error ? error.message : String(error)}`,
    `Again: HOLDFAST_TEST_FAULTS_SEED=${SEED} HOLDFAST_TEST_FAULTS_FIRST=${round} HOLDFAST_TEST_FAULTS_ROUNDS=1 npm run test:faults`,
    JSON.stringify(plan, null, 2),
    ...tails,
  ].join("\n");
}

describe(`rounds ${FIRST} to ${FIRST + ROUNDS - 1} of seed ${SEED}`, () => {
  let world: World | undefined;
  afterAll(async () => {
    await world?.rig[Symbol.asyncDispose]();
  });

  for (let round = FIRST; round < FIRST + ROUNDS; round++) {
    it(
      `round ${round}: all runs end, what succeeded is whole, what did not has changed nothing`,
      { timeout: ROUND_TIMEOUT_MS },
      async () => {
        world ??= await openWorld();
        const { rig, operator, bases, possible } = world;
        const plan = planRound(SEED, round, possible);
        try {
          await restoreParts(rig);
          const report = await playRound(rig, operator, bases, plan);
          await note(round, plan, report);
          expect(report.runs.length).toBeGreaterThan(1);
        } catch (error) {
          await note(round, plan, { fault: String(error) });
          const description = await describeFault(rig, round, plan, error);
          // What it has left would be found in the next round, too.
          world = undefined;
          await rig[Symbol.asyncDispose]();
          throw new Error(description, { cause: error });
        }
      },
    );
  }
});
