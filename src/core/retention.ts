// Retention: which backups stay. Pure: what is decided here is carried out elsewhere.

/** How many of the newest backups stay, in all and one for each day, week, month and year; null: none for that reason. */
export interface Retention {
  readonly keepLast: number | null;
  readonly keepDaily: number | null;
  readonly keepWeekly: number | null;
  readonly keepMonthly: number | null;
  readonly keepYearly: number | null;
}
