// Store: where backups may be kept.
import type { StoreInfo } from "../../src/runs/deps.ts";
import { builder } from "../builder.ts";

const StoreType = builder.objectRef<StoreInfo>("Store").implement({
  fields: (t) => ({
    name: t.exposeString("name"),
    kind: t.exposeString("kind"),
    default: t.boolean({ resolve: ({ isDefault }) => isDefault }),
  }),
});

builder.queryField("stores", (t) =>
  t.field({ type: [StoreType], requires: [], resolve: (_, _args, { stores }) => [...stores] }),
);
