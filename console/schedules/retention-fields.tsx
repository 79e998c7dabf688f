// What stays: the counts of a policy, and what it would keep and delete of the backups that there are, as a calendar.
import { useState } from "react";
import { Button, Input, Label, TextField } from "react-aria-components";
import { useMutation } from "urql";
import { Failure } from "../parts/failure.tsx";
import { PRUNE, type Retention } from "./documents.ts";
import { RetentionCalendar } from "./retention-calendar.tsx";
import { retentionText, RULES, type RuleField } from "./retention-text.ts";
import styles from "./schedules.module.css";

/** As it is being typed. */
export type RetentionDraft = Readonly<Record<RuleField, string>>;

export function toDraft(retention: Retention): RetentionDraft {
  const text = (field: RuleField): string => String(retention?.[field] ?? "");
  return {
    keepLast: text("keepLast"),
    keepDaily: text("keepDaily"),
    keepWeekly: text("keepWeekly"),
    keepMonthly: text("keepMonthly"),
    keepYearly: text("keepYearly"),
  };
}

/** As the server takes it; undefined: everything stays. */
export function retentionInput(draft: RetentionDraft): NonNullable<Retention> | undefined {
  const count = (field: RuleField): number | null => {
    const value = Number.parseInt(draft[field], 10);
    return value > 0 ? value : null;
  };
  const input = {
    keepLast: count("keepLast"),
    keepDaily: count("keepDaily"),
    keepWeekly: count("keepWeekly"),
    keepMonthly: count("keepMonthly"),
    keepYearly: count("keepYearly"),
  };
  return Object.values(input).every((value) => value === null) ? undefined : input;
}

export interface RetentionFieldsProps {
  readonly draft: RetentionDraft;
  readonly timeZone: string;
  /** Of a schedule that has backups already. */
  readonly scheduleId: string | undefined;
  readonly onChange: (draft: RetentionDraft) => void;
}

export function RetentionFields({ draft, timeZone, scheduleId, onChange }: RetentionFieldsProps) {
  const retention = retentionInput(draft);
  return (
    <div className="stack">
      <fieldset>
        <legend>Retention</legend>
        <div className={styles["counts"]}>
          {RULES.map(({ field, label }) => (
            <TextField
              key={field}
              value={draft[field]}
              onChange={(value) => onChange({ ...draft, [field]: value.replaceAll(/\D/g, "") })}
              inputMode="numeric"
            >
              <Label>{label}</Label>
              <Input placeholder="–" />
            </TextField>
          ))}
        </div>
      </fieldset>
      <p className="muted">
        {retentionText(retention ?? null)}. Pinned backups always stay; what no rule keeps is deleted after
        the schedule’s next backup.
      </p>
      {scheduleId !== undefined && retention !== undefined && (
        <Preview scheduleId={scheduleId} retention={retention} timeZone={timeZone} />
      )}
    </div>
  );
}

interface PreviewProps {
  readonly scheduleId: string;
  readonly retention: NonNullable<Retention>;
  readonly timeZone: string;
}

function Preview({ scheduleId, retention, timeZone }: PreviewProps) {
  const [{ data, error, fetching }, prune] = useMutation(PRUNE);
  const [shownFor, setShownFor] = useState<string>();
  const key = JSON.stringify(retention);
  const look = (): void => {
    void prune({ input: { scheduleId, retention, dryRun: true } }).then(() => setShownFor(key));
  };
  return (
    <div className="stack">
      <div className="row">
        <Button className="button small" isPending={fetching} onPress={look}>
          Preview
        </Button>
        <span className="muted">Which of its backups would stay. Nothing is deleted.</span>
      </div>
      {error !== undefined && <Failure error={error} />}
      {data !== undefined && shownFor === key && (
        <RetentionCalendar result={data.pruneBackups} timeZone={timeZone} />
      )}
    </div>
  );
}
