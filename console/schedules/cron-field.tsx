// When: a cron expression with its sentence and its next times, and the zone whose clocks it goes by.
import { useId } from "react";
import { Button, Input, Label, TextField } from "react-aria-components";
import { formatIn, readCron } from "./times.ts";
import styles from "./schedules.module.css";

const OFTEN = [
  { label: "Every night", cron: "30 2 * * *" },
  { label: "Every hour", cron: "0 * * * *" },
  { label: "Every six hours", cron: "0 */6 * * *" },
  { label: "Every Sunday", cron: "0 3 * * 0" },
  { label: "First of the month", cron: "0 4 1 * *" },
];
const ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone")];

export interface CronFieldProps {
  readonly cron: string;
  readonly timeZone: string;
  readonly onCron: (cron: string) => void;
  readonly onTimeZone: (timeZone: string) => void;
}

export function CronField({ cron, timeZone, onCron, onTimeZone }: CronFieldProps) {
  const zones = useId();
  const read = readCron(cron, timeZone);
  return (
    <div className="stack">
      <div className={styles["when"]}>
        <TextField value={cron} onChange={onCron} isInvalid={typeof read === "string"}>
          <Label>When</Label>
          <Input className="mono" spellCheck={false} />
        </TextField>
        <TextField value={timeZone} onChange={onTimeZone}>
          <Label>By the clocks of</Label>
          <Input list={zones} spellCheck={false} />
        </TextField>
        <datalist id={zones}>
          {ZONES.map((zone) => (
            <option key={zone} value={zone}>
              {zone}
            </option>
          ))}
        </datalist>
      </div>
      <div className="row" role="group" aria-label="Times that are often used">
        {OFTEN.map((often) => (
          <Button key={often.cron} className="button small" onPress={() => onCron(often.cron)}>
            {often.label}
          </Button>
        ))}
      </div>
      <div role="status">
        {typeof read === "string" ? (
          <p className="field-error">{read}</p>
        ) : (
          <>
            <p>
              <strong>{read.sentence}</strong>
            </p>
            <ol className={styles["times"]} aria-label="The next times">
              {read.next.map((at) => (
                <li key={at.getTime()}>{formatIn(at, timeZone)}</li>
              ))}
            </ol>
          </>
        )}
      </div>
    </div>
  );
}
