import { describe, expect, it } from "vitest";
import { readEnvironment } from "../../src/config/environment.ts";
import { isHoldfastError } from "../../src/core/errors.ts";

/** The faults that reading it reports. */
function faultsOf(environment: NodeJS.ProcessEnv): unknown {
  try {
    readEnvironment(environment);
    return [];
  } catch (error) {
    if (isHoldfastError(error, "CONFIG_INVALID")) return error.details?.["faults"];
    throw error;
  }
}

describe("the environment", () => {
  it("may be empty: everything has a default or is left open", () => {
    expect(readEnvironment({ PATH: "/bin", HOME: "/root" })).toEqual({
      dataDir: ".holdfast",
      port: 4000,
      host: "127.0.0.1",
      logLevel: "info",
    });
  });

  it("is taken as it is where it is valid", () => {
    expect(
      readEnvironment({
        HOLDFAST_DATA_DIR: "/var/lib/holdfast",
        HOLDFAST_DATABASE_URL: "postgresql://me:secret@db/holdfast",
        REDIS_URL: "rediss://queue:6379/1",
        PORT: "0",
        HOST: "0.0.0.0",
        HOLDFAST_METRICS_PORT: "9464",
        HOLDFAST_METRICS_HOST: "10.0.0.5",
        HOLDFAST_SECRET_KEY: "k".repeat(32),
        HOLDFAST_ADMIN_PASSWORD: "correct horse",
        HOLDFAST_CONFIG: "./other.config.ts",
        LOG_LEVEL: "debug",
        HOLDFAST_PASSPHRASE: "p",
        HOLDFAST_SERVER: "https://backups.example",
        HOLDFAST_TOKEN: "t",
        XDG_CONFIG_HOME: "/home/me/.settings",
        SSH_AUTH_SOCK: "/run/agent",
      }),
    ).toEqual({
      dataDir: "/var/lib/holdfast",
      databaseUrl: "postgresql://me:secret@db/holdfast",
      redisUrl: "rediss://queue:6379/1",
      port: 0,
      host: "0.0.0.0",
      metricsPort: 9464,
      metricsHost: "10.0.0.5",
      secretKey: "k".repeat(32),
      adminPassword: "correct horse",
      configFile: "./other.config.ts",
      logLevel: "debug",
      passphrase: "p",
      server: "https://backups.example",
      token: "t",
      configHome: "/home/me/.settings",
      sshAgent: "/run/agent",
    });
  });

  it("reports every fault at once, each with its variable's name", () => {
    expect(
      faultsOf({
        HOLDFAST_DATABASE_URL: "mysql://db/holdfast",
        REDIS_URL: "queue:6379",
        PORT: "65536",
        HOLDFAST_METRICS_PORT: "metrics",
        LOG_LEVEL: "loud",
        HOLDFAST_SECRET_KEY: "short",
        HOLDFAST_SERVER: "backups.example",
        HOLDFAST_DATADIR: "/x",
      }),
    ).toEqual([
      "HOLDFAST_DATADIR: is not known; did you mean HOLDFAST_DATA_DIR?",
      "HOLDFAST_DATABASE_URL: must be a URL that starts with postgres:// (in a password, / is written %2F, @ %40, # %23 and % %25)",
      "REDIS_URL: must be a URL that starts with redis:// or rediss://",
      "PORT: must be a number from 0 to 65535 (0: any free port)",
      "HOLDFAST_METRICS_PORT: must be a number from 0 to 65535 (0: any free port)",
      expect.stringMatching(/^HOLDFAST_SECRET_KEY: must have at least 32 characters/),
      "LOG_LEVEL: must be one of trace, debug, info, warn, error, fatal, silent",
      "HOLDFAST_SERVER: must be a URL that starts with http:// or https://",
    ]);
  });

  it("names the nearest variable for one that it does not know, and leaves other programs' and the tests' alone", () => {
    expect(faultsOf({ HOLDFAST_SECRETKEY: "x", HOLDFAST_DB_URL: "y" })).toEqual([
      "HOLDFAST_SECRETKEY: is not known; did you mean HOLDFAST_SECRET_KEY?",
      expect.stringMatching(/^HOLDFAST_DB_URL: is not known; did you mean HOLDFAST_/),
    ]);
    expect(faultsOf({ HOLDFAST_TEST_DATABASE_URL: "z", HOLDFASTER: "z", DATABASE_URL: "z" })).toEqual([]);
  });

  it("repeats no value: it may be a secret", () => {
    const environment = { HOLDFAST_DATABASE_URL: "mysql://me:hunter2@db/x", HOLDFAST_SECRET_KEY: "hunter2" };
    expect(JSON.stringify(faultsOf(environment))).not.toContain("hunter2");
  });

  it("takes a variable that is set to nothing as not set", () => {
    expect(readEnvironment({ PORT: "", HOLDFAST_DATABASE_URL: "", HOLDFAST_DATA_DIR: "" })).toMatchObject({
      port: 4000,
      dataDir: ".holdfast",
      databaseUrl: undefined,
    });
  });
});
