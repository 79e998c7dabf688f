// Signing in over REST: /auth/login, /auth/whoami, /auth/change-password.
import { Hono } from "hono";
import { z } from "zod";
import type { Auth } from "../../auth/auth.ts";
import { knowingOutcome } from "../../ledger/outage.ts";
import { originOf, type CallerEnv } from "../env.ts";
import { limitJson, readJson } from "./json-body.ts";
import { requireCaller } from "./require-caller.ts";

const login = z.object({ username: z.string(), password: z.string() });
const passwordChange = z.object({ old_password: z.string(), new_password: z.string() });

export function authRoutes(auth: Auth): Hono<CallerEnv> {
  const routes = new Hono<CallerEnv>();

  routes.post("/login", limitJson, async (c) => {
    const { username, password } = await readJson(c, login);
    const { token, expiresAt } = await auth.signIn(username, password, originOf(c));
    return c.json({ success: true, token, expiresAt });
  });

  routes.get("/whoami", requireCaller(auth), (c) => {
    const { username, roles, permissions } = c.var.caller;
    return c.json({ success: true, user: { name: username, roles }, permissions: [...permissions] });
  });

  routes.post("/change-password", requireCaller(auth), limitJson, async (c) => {
    const body = await readJson(c, passwordChange);
    const passwords = { old: body.old_password, new: body.new_password };
    await knowingOutcome(() => auth.changePassword(c.var.caller, passwords, originOf(c)));
    return c.json({ success: true });
  });

  return routes;
}
