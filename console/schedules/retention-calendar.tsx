// Backups that stay and that go, day by day, the newest month first.
import { formatCount } from "../parts/format.ts";
import type { PruneResult } from "./documents.ts";
import styles from "./schedules.module.css";
import { dayIn } from "./times.ts";

interface Decided {
  readonly id: string;
  readonly createdAt: string;
  readonly keep: boolean;
  readonly reasons: readonly string[];
}

export interface RetentionCalendarProps {
  readonly result: PruneResult;
  readonly timeZone: string;
}

const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const DAY_MS = 86_400_000;

export function RetentionCalendar({ result, timeZone }: RetentionCalendarProps) {
  const decided = [
    ...result.kept.map(({ backup, reasons }) => ({ ...backup, reasons, keep: true })),
    ...result.deleted.map(({ backup, reasons }) => ({ ...backup, reasons, keep: false })),
  ];
  if (decided.length === 0) return <p className="muted">It has made no backup yet.</p>;
  const days = Map.groupBy(decided, ({ createdAt }) => dayIn(new Date(createdAt), timeZone));
  const months = [...new Set([...days.keys()].map((day) => day.slice(0, 7)))].toSorted().toReversed();
  return (
    <div className="stack" role="region" aria-label="What stays">
      <p>
        <strong>{formatCount(result.kept.length)}</strong> would stay,{" "}
        <strong>{formatCount(result.deleted.length)}</strong> would go.
      </p>
      <p className={styles["key"]}>
        <span className={styles["stays"]}>✓</span> stays <span className={styles["goes"]}>✕</span> goes
      </p>
      <div className={styles["months"]}>
        {months.map((month) => (
          <Month key={month} month={month} days={days} />
        ))}
      </div>
    </div>
  );
}

interface MonthProps {
  /** "2026-11" */
  readonly month: string;
  readonly days: ReadonlyMap<string, readonly Decided[]>;
}

function Month({ month, days }: MonthProps) {
  const first = new Date(`${month}-01T00:00:00Z`);
  const title = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: "UTC" }).format(
    first,
  );
  return (
    <table className={styles["month"]}>
      <caption>{title}</caption>
      <thead>
        <tr>
          {WEEKDAYS.map((day) => (
            <th key={day} scope="col" abbr={day}>
              {day.slice(0, 2)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {weeksOf(first).map((week, index) => (
          <tr key={index}>
            {week.map((day, weekday) => (
              <Day
                key={WEEKDAYS[weekday]}
                day={day}
                decided={day === undefined ? [] : (days.get(day) ?? [])}
              />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Rows of seven days from Monday on; undefined for those of other months. */
function weeksOf(first: Date): (string | undefined)[][] {
  const lead = (first.getUTCDay() + 6) % 7;
  const weeks: (string | undefined)[][] = [];
  for (let week = 0; week < 6; week += 1) {
    const days = Array.from({ length: 7 }, (_, weekday) => {
      const date = new Date(first.getTime() + (week * 7 + weekday - lead) * DAY_MS);
      return date.getUTCMonth() === first.getUTCMonth() ? date.toISOString().slice(0, 10) : undefined;
    });
    if (days.some((day) => day !== undefined)) weeks.push(days);
  }
  return weeks;
}

function Day({ day, decided }: { readonly day: string | undefined; readonly decided: readonly Decided[] }) {
  // oxlint-disable-next-line jsx-a11y/control-has-associated-label -- a day of another month: nothing to say
  if (day === undefined) return <td />;
  const kept = decided.filter(({ keep }) => keep).length;
  const gone = decided.length - kept;
  const said = [
    ...(kept > 0 ? [`${kept} ${kept === 1 ? "stays" : "stay"}`] : []),
    ...(gone > 0 ? [`${gone} ${gone === 1 ? "goes" : "go"}`] : []),
  ];
  const why = decided
    .map(({ keep, reasons }) => `${keep ? "Stays" : "Goes"}: ${reasons.join("; ")}`)
    .join("\n");
  return (
    <td
      title={why === "" ? undefined : why}
      className={kept > 0 ? styles["stays"] : gone > 0 ? styles["goes"] : undefined}
    >
      <span>{Number(day.slice(8))}</span>
      {said.length > 0 && (
        <>
          <span aria-hidden="true" className={styles["mark"]}>
            {kept > 0 ? (kept > 1 ? `✓${kept}` : "✓") : ""}
            {gone > 0 ? (gone > 1 ? `✕${gone}` : "✕") : ""}
          </span>
          <span className="visually-hidden">: {said.join(", ")}</span>
        </>
      )}
    </td>
  );
}
