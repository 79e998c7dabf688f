// Kill anything, anywhere: rounds of backups and restores under faults that a seed decides. docs/reliability.md says what
// has to hold and how to choose seed and rounds.
import { appendFile } from "node:fs/promises";
import { afterAll, describe, expect, it } from "vitest";
import { restoreParts } from "./inject.ts";
import { signIn, type Base, type Operator } from "./operator.ts";
import { planRound, type Possibilities } from "./plan.ts";
import { openRig, type Rig } from "./rig.ts";
import { playRound, waitForEnds } from "./round.ts";

const { env } = process;
const SEED = Number(env["HOLDFAST_TEST_FAULTS_SEED"] ?? 7);
const FIRST = Number(env["HOLDFAST_TEST_FAULTS_FIRST"] ?? 1);
const ROUNDS = Number(env["HOLDFAST_TEST_FAULTS_ROUNDS"] ?? 6);
/** A line of JSON for each round goes there. */
const REPORT = env["HOLDFAST_TEST_FAULTS_REPORT"];
const ROUND_TIMEOUT_MS = 400_000;

interface World {
  readonly rig: Rig;
  readonly operator: Operator;
  readonly bases: readonly Base[];
  readonly possible: Possibilities;
}

/** With a backup of the shop's first state for each way of encrypting, and each choice of stores. */
async function openWorld(): Promise<World> {
  const rig = await openRig(SEED % 2 === 0);
  try {
    const patience = AbortSignal.timeout(60_000);
    const operator = await signIn(rig, patience);
    const stores = rig.swift === undefined ? ["local"] : ["local", "remote"];
    const bases: Base[] = [];
    for (const [encryption, places] of [
      ["RECIPIENTS", ["local"]],
      ["PASSPHRASE", stores.slice(-1)],
      ["NONE", stores],
    ] as const) {
      const plan = { entities: ["PRODUCTS", "ENTRIES"], stores: places, encryption };
      bases.push({ backupId: await operator.startBackup(plan, patience), encryption });
    }
    await waitForEnds(rig, new Date(0), performance.now());
    const disks = (["store", "database"] as const).filter((name) => rig.disks[name] !== undefined);
    return { rig, operator, bases, possible: { disks, stores, bases: bases.length } };
  } catch (error) {
    await rig[Symbol.asyncDispose]();
    throw error;
  }
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
          if (REPORT !== undefined)
            await appendFile(REPORT, `${JSON.stringify({ seed: SEED, round, plan, ...report })}\n`);
          expect(report.runs.length).toBeGreaterThan(1);
        } catch (error) {
          world = undefined;
          if (REPORT !== undefined)
            await appendFile(
              REPORT,
              `${JSON.stringify({ seed: SEED, round, plan, fault: String(error) })}\n`,
            );
          const tails = await Promise.all(Object.values(rig.parts).map((part) => part.logTail()));
          await rig[Symbol.asyncDispose]();
          throw new Error(
            [
              `Round ${round} of seed ${SEED}: ${error instanceof Error ? error.message : String(error)}`,
              `Again: HOLDFAST_TEST_FAULTS_SEED=${SEED} HOLDFAST_TEST_FAULTS_FIRST=${round} HOLDFAST_TEST_FAULTS_ROUNDS=1 npm run test:faults`,
              JSON.stringify(plan, null, 2),
              ...tails,
            ].join("\n"),
            { cause: error },
          );
        }
      },
    );
  }
});
