// Where drizzle-kit finds the tables that migrations/ is generated from. It needs no database.
import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "postgresql",
  schema: ["./src/ledger/tables.ts", "./src/ledger/piece-tables.ts", "./src/platform/tables.ts"],
  schemaFilter: ["holdfast", "platform"],
  out: "./migrations",
});
