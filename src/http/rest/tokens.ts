// Personal access tokens over REST: the caller's own.
import { Hono } from "hono";
import { z } from "zod";
import type { Auth } from "../../auth/auth.ts";
import { knowingOutcome } from "../../ledger/outage.ts";
import { originOf, type CallerEnv } from "../env.ts";
import { limitJson, readJson } from "./json-body.ts";
import { requireCaller } from "./require-caller.ts";

const newToken = z.object({
  name: z.string(),
  permissions: z.array(z.string()).nullish(),
  expiresAt: z.iso
    .datetime({ offset: true })
    .transform((text) => new Date(text))
    .nullish(),
});

export function tokenRoutes(auth: Auth): Hono<CallerEnv> {
  const routes = new Hono<CallerEnv>().use(requireCaller(auth));

  routes.get("/", async (c) => c.json({ success: true, tokens: await auth.listTokens(c.var.caller) }));

  routes.post("/", limitJson, async (c) => {
    const request = await readJson(c, newToken);
    const { token, accessToken } = await knowingOutcome(() =>
      auth.createToken(c.var.caller, request, originOf(c)),
    );
    return c.json({ success: true, token, ...accessToken }, 201);
  });

  routes.delete("/:id", async (c) => {
    await knowingOutcome(() => auth.revokeToken(c.var.caller, c.req.param("id"), originOf(c)));
    return c.json({ success: true });
  });

  return routes;
}
