// How much is made up, and two sizes to choose from.

/** How many rows of each kind; what hangs on them (links, steps, versions) follows. */
export interface PlatformSizes {
  readonly users: number;
  readonly groups: number;
  readonly tokens: number;
  readonly transformers: number;
  readonly pipelines: number;
  readonly alerts: number;
  readonly streams: number;
  /** None where there is no stream. */
  readonly logEntries: number;
  readonly spaces: number;
  /** None where there is no space; each has one to four versions. */
  readonly templates: number;
  readonly variables: number;
  readonly configValues: number;
  readonly auditLogs: number;
}

/** What the demo works on. */
export const DEMO_SIZES: PlatformSizes = {
  users: 500,
  groups: 24,
  tokens: 180,
  transformers: 30,
  pipelines: 40,
  alerts: 60,
  streams: 24,
  logEntries: 200_000,
  spaces: 16,
  templates: 200,
  variables: 120,
  configValues: 80,
  auditLogs: 50_000,
};

/** Everything there is, but little of it: for tests. */
export const SMALL_SIZES: PlatformSizes = { ...DEMO_SIZES, users: 60, logEntries: 2_000, auditLogs: 500 };
