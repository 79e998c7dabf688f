// A server that starts while one of the databases that it protects is away: everything else is within reach.
import { expect, it, onTestFinished } from "vitest";
import { openPassage } from "../support/passage.ts";
import { signIn, startBackup, startConfiguredStack } from "./configured-stack.ts";
import { createConfiguredWorld } from "./configured-world.ts";

const PATIENCE = { timeout: 30_000 };

it("a server starts though a database is away, backs up the others, and that one once it is back", async () => {
  const world = await createConfiguredWorld();
  onTestFinished(() => world[Symbol.asyncDispose]());
  const passage = await openPassage(world.appUrl);
  await passage.cut();
  const stack = await startConfiguredStack(world, { appUrl: passage.url });
  onTestFinished(() => stack.close());
  const admin = await signIn(stack, "admin");

  const away = await startBackup(stack, admin, "CUSTOMERS");
  const there = await startBackup(stack, admin, "EVENTS");
  await expect.poll(there, PATIENCE).toMatchObject({ status: "SUCCEEDED" });
  await expect.poll(away, PATIENCE).toMatchObject({ status: "QUEUED", attempt: 1 });
  await passage.mend();
  await expect.poll(away, PATIENCE).toMatchObject({ status: "SUCCEEDED" });
});
