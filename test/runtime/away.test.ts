// A server that starts while one of the databases that it protects is away: everything else is within reach.
import { expect, it, onTestFinished } from "vitest";
import { openPassage } from "../support/passage.ts";
import { execute, signIn, startConfiguredStack } from "./configured-stack.ts";
import { createConfiguredWorld } from "./configured-world.ts";

it("a server starts though a database is away, backs up the others, and that one once it is back", async () => {
  const world = await createConfiguredWorld();
  onTestFinished(() => world[Symbol.asyncDispose]());
  const passage = await openPassage(world.appUrl);
  await passage.cut();
  const stack = await startConfiguredStack(world, passage.url);
  onTestFinished(() => stack.close());
  const admin = await signIn(stack, "admin");
  const backUp = async (entity: string): Promise<string | undefined> => {
    const { startBackup } = await execute<{ startBackup: { id: string } }>(
      stack,
      admin,
      "mutation ($entity: Entity!) { startBackup(input: { entities: [$entity] }) { id } }",
      { entity },
    );
    const query = "query ($id: ID!) { backup(id: $id) { status error { code } } }";
    const state = async () => {
      const { backup } = await execute<{ backup: { status: string; error: { code: string } | null } }>(
        stack,
        admin,
        query,
        startBackup,
      );
      return backup.error?.code ?? backup.status;
    };
    await expect.poll(state, { timeout: 60_000 }).toMatch(/^(SUCCEEDED|DATABASE_UNREACHABLE)$/);
    return await state();
  };

  expect(await backUp("EVENTS")).toBe("SUCCEEDED");
  expect(await backUp("CUSTOMERS")).toBe("DATABASE_UNREACHABLE");
  await passage.mend();
  expect(await backUp("CUSTOMERS")).toBe("SUCCEEDED");
});
