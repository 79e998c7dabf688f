// POST /restore/{group}: a group's file put back, once all of it has arrived.
import { Hono, type Context } from "hono";
import type { Catalog, EntityGroup } from "../../core/catalog.ts";
import { HoldfastError } from "../../core/errors.ts";
import { checkRowSelections, parseRowSelection } from "../../core/row-selection.ts";
import type { RestoreMode, RowSelection } from "../../core/run.ts";
import { requireAccess } from "../../runs/access.ts";
import { restoreFile, type FileRestore } from "../../transfer/restore-file.ts";
import { originOf, type CallerEnv } from "../env.ts";
import type { TransferRouteDeps } from "./deps.ts";
import { presenceOf } from "./departure.ts";
import { groupAt, readQuery, readUnlock } from "./request.ts";
import { announcedBytes, askForBody } from "./expectation.ts";
import { requireCaller } from "./require-caller.ts";
import { createSpool } from "./spool.ts";
import { receiveUpload } from "./upload.ts";

const MODES: Readonly<Record<string, RestoreMode>> = {
  merge: "MERGE",
  replace: "REPLACE",
  "insert-missing": "INSERT_MISSING",
};

const YES_OR_NO = { true: true, false: false };

export function restoreRoutes(deps: TransferRouteDeps): Hono<CallerEnv> {
  const routes = new Hono<CallerEnv>();
  const spool = createSpool(deps.spoolDirectory);

  routes.post("/:group", requireCaller(deps.auth), async (c) => {
    // All that can be refused is refused before the file is asked for.
    const group = groupAt(deps.catalog, c.req.param("group"));
    const { incoming, outgoing } = c.env;
    const order: FileRestore = { group, ...readChoice(c, deps.catalog, group), unlock: readUnlock(incoming) };
    const entities = group.entities.map(({ name }) => name);
    requireAccess(deps.catalog, c.var.caller, entities, "WRITE");
    await using held = new AsyncDisposableStack();
    held.use(deps.places.take());
    const file = held.use(await spool.reserve(announcedBytes(incoming)));

    const check = async () => requireAccess(deps.catalog, await c.var.callerNow(), entities, "WRITE");
    const presence = presenceOf(outgoing, { check, everyMs: deps.recheckRightsMs });
    askForBody(incoming, outgoing);
    await receiveUpload(incoming, file, { stallMs: deps.stallMs, signal: presence });
    // The upload may have taken hours: who may restore is asked again.
    const caller = await c.var.callerNow();
    const origin = originOf(c);
    const { changes, plan, signature, lockOut } = await deps.auth.limitOpening(
      { userId: caller.userId, ...origin },
      () => restoreFile(deps, caller, file.path, order, presence, origin),
    );
    return c.json({ success: true, dryRun: order.dryRun, signature, lockOut, changes, plan }, 200, {
      "Cache-Control": "no-store",
    });
  });

  return routes;
}

/** @throws HoldfastError BAD_INPUT */
function readChoice(
  c: Context,
  catalog: Catalog,
  group: EntityGroup,
): Pick<FileRestore, "mode" | "rows" | "dryRun" | "expectPlan" | "allowUntrusted" | "confirmLockOut"> {
  const query = readQuery(c, [
    "mode",
    "only",
    "dry-run",
    "expect-plan",
    "allow-untrusted",
    "confirm-lock-out",
  ]);
  const mode = oneOf("mode", query("mode"), MODES) ?? "MERGE";
  return {
    mode,
    ...(query("only").length > 0 && { rows: readRows(catalog, group, query("only"), mode) }),
    dryRun: oneOf("dry-run", query("dry-run"), YES_OR_NO) ?? false,
    confirmLockOut: oneOf("confirm-lock-out", query("confirm-lock-out"), YES_OR_NO) ?? false,
    allowUntrusted: oneOf("allow-untrusted", query("allow-untrusted"), YES_OR_NO) ?? false,
    expectPlan: single("expect-plan", query("expect-plan")),
  };
}

/** `only=users:id=42`, as on the command line. */
function readRows(
  catalog: Catalog,
  group: EntityGroup,
  texts: readonly string[],
  mode: RestoreMode,
): RowSelection[] {
  const rows = checkRowSelections(catalog, texts.map(parseRowSelection), mode);
  const foreign = rows.find(({ entity }) => !group.entities.some(({ name }) => name === entity));
  if (foreign === undefined) return rows;
  throw new HoldfastError("BAD_INPUT", `only: ${foreign.entity} is not of the group ${group.name}.`, {
    hint: `The group has ${group.entities.map(({ name }) => name.toLowerCase()).join(", ")}.`,
  });
}

function oneOf<T>(
  name: string,
  values: readonly string[],
  choices: Readonly<Record<string, T>>,
): T | undefined {
  const value = single(name, values);
  if (value === undefined) return undefined;
  const choice = Object.hasOwn(choices, value) ? choices[value] : undefined;
  if (choice !== undefined) return choice;
  throw new HoldfastError("BAD_INPUT", `${name} cannot be ${JSON.stringify(value)}.`, {
    hint: `It is one of ${Object.keys(choices).join(", ")}.`,
  });
}

function single(name: string, values: readonly string[]): string | undefined {
  if (values.length > 1) throw new HoldfastError("BAD_INPUT", `${name} is there more than once.`);
  return values[0];
}
