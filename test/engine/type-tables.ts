// Tables for values of types: two for each type, one with a key and one without, with the values by themselves, in arrays (of more
// than one dimension, with bounds of their own, with nulls), in domains and in composite types.

export interface TypeTables {
  readonly ddl: string;
  /** `schema.name` */
  readonly tables: readonly string[];
  /** The type that a table is about. */
  readonly byTable: Readonly<Record<string, string>>;
}

/** @param types values of types, as PostgreSQL reads them, in a schema `app` that is there */
export function typeTables(types: Readonly<Record<string, readonly string[]>>): TypeTables {
  const made = Object.entries(types).map(([type, values], place) => {
    const keyed = `app.keyed_${place}`;
    const keyless = `app.keyless_${place}`;
    return { type, keyed, keyless, ddl: tableOf(type, values, place, keyed, keyless) };
  });
  return {
    ddl: made.map((table) => table.ddl).join(""),
    tables: made.flatMap(({ keyed, keyless }) => [keyed, keyless]),
    byTable: Object.fromEntries(
      made.flatMap(({ type, keyed, keyless }) => [
        [keyed, type],
        [keyless, type],
      ]),
    ),
  };
}

function tableOf(
  type: string,
  values: readonly string[],
  place: number,
  keyed: string,
  keyless: string,
): string {
  const list = (...items: string[]): string => arrayText(type, items);
  const mayBeNull = !NOT_NULL.has(type);
  const composites = mayBeNull ? "row(1, x), null, row(null, null)" : "row(1, x)";
  const rows = values.map((value, index) => {
    const next = values[(index + 1) % values.length] ?? value;
    return `insert into ${keyed}
      select ${index + 1}, x, (${list("x", "y")})::${type}[], x, (${list("y", "x")})::app.domain_${place}[],
        row(${index}, x)::app.composite_${place}, array[${composites}, row(null, y)]::app.composite_${place}[]
      from (select ${constant(value)}::${type} as x, ${constant(next)}::${type} as y) as s;`;
  });
  const [first = "", last = first] = [values[0], values.at(-1)];
  const bare = mayBeNull
    ? `insert into ${keyed} (id, a) values (1001, '{}');
       insert into ${keyed} (id, a) select 1002, ('[0:1][-1:0]={' || ${list("x", "y")} || '${delimiterOf(type)}' || ${list("y", "x")} || '}')::${type}[]
       from (select ${constant(first)}::${type} as x, ${constant(last)}::${type} as y) as s;
       insert into ${keyed} (id) values (1003);`
    : "";
  return `
    create domain app.domain_${place} as ${type};
    create type app.composite_${place} as (n integer, v ${type});
    create table ${keyed} (id integer primary key, v ${type}, a ${type}[], d app.domain_${place}, da app.domain_${place}[],
      c app.composite_${place}, ca app.composite_${place}[]);
    ${rows.join("\n")}
    insert into ${keyed} (id, v, d) values (1000, ${constant(first)}, ${constant(first)});
    ${bare}
    create table ${keyless} as table ${keyed};
    alter table ${keyless} drop id;
    insert into ${keyless} table ${keyless};`;
}

/** Domains that forbid null wherever they stand. */
const NOT_NULL = new Set(["app.required"]);

const delimiterOf = (type: string): string => (type === "box" ? ";" : ",");

const constant = (value: string): string => `'${value.replaceAll("'", "''")}'`;

/** SQL for an array's text, for ARRAY[...] makes no array of arrays' domains. */
function arrayText(type: string, items: readonly string[]): string {
  const quoted = items.map(
    (item) =>
      `coalesce('"' || replace(replace(${item}::text, E'\\\\', E'\\\\\\\\'), '"', E'\\\\"') || '"', 'NULL')`,
  );
  return `'{' || ${quoted.join(` || '${delimiterOf(type)}' || `)} || '}'`;
}

/** Types come from the schema `app`, as the tables do. */
export function createExtensions(names: readonly string[]): string {
  return names.map((name) => `create extension ${name} schema app;`).join(" ");
}
