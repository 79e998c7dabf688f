// Lists in messages. A database has thousands of tables, and nobody reads thousands of names: the error's details have them all.

const NAMED = 20;

/** The first of the names, and how many there are besides: `a, b and 3 more`. */
export function someNames(names: readonly string[], separator = ", "): string {
  const named = names.slice(0, NAMED).join(separator);
  return names.length > NAMED ? `${named} and ${names.length - NAMED} more` : named;
}

/** The same of what has commas of its own: `a is this; b is that; and 3 more`. */
export function someClauses(clauses: readonly string[]): string {
  const named = clauses.slice(0, NAMED).join("; ");
  return clauses.length > NAMED ? `${named}; and ${clauses.length - NAMED} more` : named;
}
