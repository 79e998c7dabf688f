// What of a row's text says that it cannot be among the rows that are asked for. It may let others pass, and never keeps one back:
// the database decides.

/** Types whose values are equal exactly if their usual text is; what is written otherwise passes. */
export type FilteredForm = "INTEGER" | "UUID" | "TEXT";

export interface FieldTest {
  /** Which field of the COPY row, from 0. */
  readonly place: number;
  readonly form: FilteredForm;
  /** As PostgreSQL prints them. */
  readonly values: ReadonlySet<string>;
}

/** A row passes if one of the tests lets it; without tests none does. */
export type RowFilter = readonly FieldTest[];

/** The form of a type as `format_type` prints it; undefined: its text says nothing for sure. */
export function filteredForm(type: string): FilteredForm | undefined {
  if (["smallint", "integer", "bigint"].includes(type)) return "INTEGER";
  if (type === "uuid") return "UUID";
  return type === "text" || /^character varying(\(\d+\))?$/.test(type) ? "TEXT" : undefined;
}
