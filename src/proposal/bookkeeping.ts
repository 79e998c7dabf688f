// Tables in which tools write down which changes of the schema they have made. Holdfast restores rows and no schema: put back, such a
// table would say of the schema what is not so.
import type { InventoryRelation } from "../core/inventory.ts";
import type { TableName } from "../core/catalog.ts";

/** By name, in lower case and without leading underscores; the tool, for people. */
const NAMES: Readonly<Record<string, string>> = {
  alembic_version: "Alembic",
  ar_internal_metadata: "Rails",
  atlas_schema_revisions: "Atlas",
  databasechangelog: "Liquibase",
  databasechangeloglock: "Liquibase",
  diesel_schema_migrations: "Diesel",
  django_migrations: "Django",
  doctrine_migration_versions: "Doctrine",
  drizzle_migrations: "Drizzle",
  efmigrationshistory: "Entity Framework",
  flyway_schema_history: "Flyway",
  goose_db_version: "goose",
  knex_migrations: "Knex",
  knex_migrations_lock: "Knex",
  kysely_migration: "Kysely",
  kysely_migration_lock: "Kysely",
  mikro_orm_migrations: "MikroORM",
  pgmigrations: "node-pg-migrate",
  phinxlog: "Phinx",
  prisma_migrations: "Prisma",
  refinery_schema_history: "Refinery",
  schema_migrations: "Rails, dbmate, golang-migrate or Ecto",
  sequelizemeta: "Sequelize",
  sqlx_migrations: "SQLx",
  typeorm_metadata: "TypeORM",
  typeorm_migrations: "TypeORM",
  yoyo_migration: "yoyo",
};

/** Names that people use as well: the columns have to be the tool's. */
const SHAPES: readonly {
  readonly name: string;
  readonly columns: readonly string[];
  readonly tool: string;
}[] = [
  { name: "migrations", columns: ["id", "timestamp", "name"], tool: "TypeORM" },
  { name: "migrations", columns: ["id", "migration", "batch"], tool: "Laravel" },
  { name: "migrations", columns: ["id", "name", "hash", "executed_at"], tool: "postgres-migrations" },
  { name: "schema_version", columns: ["installed_rank", "version", "checksum", "success"], tool: "Flyway" },
  { name: "schemaversions", columns: ["schemaversionsid", "scriptname", "applied"], tool: "DbUp" },
  { name: "versioninfo", columns: ["version", "appliedon", "description"], tool: "FluentMigrator" },
];

/** Schemas that a tool has to itself. */
const SCHEMAS: Readonly<Record<string, string>> = {
  graphile_migrate: "Graphile Migrate",
  sqitch: "Sqitch",
  supabase_migrations: "Supabase",
};

/** The tool whose bookkeeping the table is. */
export function bookkeeperOf(table: TableName & Pick<InventoryRelation, "columns">): string | undefined {
  const name = table.name.toLowerCase().replace(/^_+/, "");
  const columns = new Set(table.columns.map((column) => column.name.toLowerCase()));
  return (
    own(SCHEMAS, table.schema) ??
    own(NAMES, name) ??
    SHAPES.find((shape) => shape.name === name && shape.columns.every((column) => columns.has(column)))?.tool
  );
}

function own(tools: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(tools, name) ? tools[name] : undefined;
}
