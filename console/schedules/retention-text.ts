// A retention policy in words.
import { listOf } from "../parts/format.ts";
import type { Retention } from "./documents.ts";

export const RULES = [
  { field: "keepLast", label: "Newest", words: (count: number) => `the newest ${count}` },
  { field: "keepDaily", label: "Daily", words: (count: number) => `${count} daily` },
  { field: "keepWeekly", label: "Weekly", words: (count: number) => `${count} weekly` },
  { field: "keepMonthly", label: "Monthly", words: (count: number) => `${count} monthly` },
  { field: "keepYearly", label: "Yearly", words: (count: number) => `${count} yearly` },
] as const;

export type RuleField = (typeof RULES)[number]["field"];

export function retentionText(retention: Retention): string {
  if (retention === null) return "Keeps everything";
  const parts = RULES.flatMap(({ field, words }) => {
    const count = retention[field];
    return count === null ? [] : [words(count)];
  });
  return parts.length === 0 ? "Keeps everything" : `Keeps ${listOf(parts)}`;
}
