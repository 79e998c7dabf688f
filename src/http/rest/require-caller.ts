// Lets signed-in callers through: a session or a personal access token in the Authorization header, or in a form.
import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { every } from "hono/combine";
import { createMiddleware } from "hono/factory";
import type { Auth } from "../../auth/auth.ts";
import type { Caller } from "../../auth/caller.ts";
import { HoldfastError } from "../../core/errors.ts";
import type { CallerEnv } from "../env.ts";

/** @throws HoldfastError UNAUTHENTICATED */
export function requireCaller(auth: Auth) {
  return createMiddleware<CallerEnv>(async (c, next) => {
    await identify(c, auth, c.req.header("authorization"));
    await next();
  });
}

async function identify(c: Context<CallerEnv>, auth: Auth, authorization: string | undefined): Promise<void> {
  const callerNow = (): Promise<Caller> => auth.authenticate(authorization);
  c.set("callerNow", callerNow);
  c.set("caller", await callerNow());
}

const FORM_LIMIT_BYTES = 16 * 1024;

/**
 * For what a browser is to download by itself, which sends no header: the token comes as the field `token` of a form.
 * Another site's page cannot send it, for it does not know it.
 * @throws HoldfastError UNAUTHENTICATED, TOO_LARGE
 */
export function requireCallerOfForm(auth: Auth) {
  return every(
    bodyLimit({
      maxSize: FORM_LIMIT_BYTES,
      onError: () => {
        throw new HoldfastError("TOO_LARGE", `The form is larger than ${FORM_LIMIT_BYTES / 1024} KiB.`);
      },
    }),
    createMiddleware<CallerEnv>(async (c, next) => {
      const { token } = await c.req.parseBody();
      await identify(c, auth, typeof token === "string" ? `Bearer ${token}` : undefined);
      await next();
    }),
  );
}
