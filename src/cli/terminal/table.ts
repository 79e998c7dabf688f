// Tables of text: columns as wide as their widest cell, headings underlined by a rule.
import stringWidth from "string-width";

export interface TableColumn {
  readonly title: string;
  readonly align?: "left" | "right";
}

/** The table as lines, without a line's end at the last. Cells may hold colours and wide characters. */
export function renderTable(columns: readonly TableColumn[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ title }, column) =>
    Math.max(stringWidth(title), ...rows.map((row) => stringWidth(row[column] ?? ""))),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, column) => {
        const cell = cells[column] ?? "";
        const space = " ".repeat((widths[column] ?? 0) - stringWidth(cell));
        return align === "right" ? space + cell : cell + space;
      })
      .join("  ")
      .trimEnd();
  return [
    line(columns.map(({ title }) => title)),
    line(widths.map((width) => "─".repeat(width))),
    ...rows.map(line),
  ].join("\n");
}
