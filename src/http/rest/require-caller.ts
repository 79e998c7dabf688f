// Lets signed-in callers through: a session or a personal access token in the Authorization header.
import { createMiddleware } from "hono/factory";
import type { Auth } from "../../auth/auth.ts";
import type { CallerEnv } from "../env.ts";

/** @throws HoldfastError UNAUTHENTICATED */
export function requireCaller(auth: Auth) {
  return createMiddleware<CallerEnv>(async (c, next) => {
    c.set("caller", await auth.authenticate(c.req.header("authorization")));
    await next();
  });
}
