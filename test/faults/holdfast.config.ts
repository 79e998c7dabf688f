// What the processes of the harness protect, and where they keep it. The URLs lead through each process's own links.
import { defineConfig, entity, stores } from "../../src/config/define.ts";

const { env } = process;
const remoteEndpoint = env["HOLDFAST_TEST_S3_ENDPOINT"];
const local = stores.fs({ directory: env["HOLDFAST_TEST_STORE_DIR"] ?? "" });
const remote = (endpoint: string) =>
  stores.s3({
    bucket: env["HOLDFAST_TEST_S3_BUCKET"] ?? "",
    endpoint,
    accessKeyId: env["HOLDFAST_TEST_S3_KEY_ID"] ?? "",
    secretAccessKey: env["HOLDFAST_TEST_S3_SECRET"] ?? "",
    pathStyle: true,
  });
const declared: Record<string, typeof local> =
  remoteEndpoint === undefined ? { local } : { local, remote: remote(remoteEndpoint) };

export default defineConfig({
  databases: {
    app: { url: env["HOLDFAST_TEST_APP_URL"] },
    archive: { url: env["HOLDFAST_TEST_ARCHIVE_URL"] },
  },
  groups: {
    shop: {
      entities: {
        bank: entity({ database: "app", tables: ["accounts", "transfers"] }),
        products: entity({ database: "app", tables: ["products", "prices"] }),
      },
    },
    archive: {
      entities: { entries: entity({ database: "archive", tables: ["entries"] }) },
    },
  },
  stores: declared,
  defaultStores: ["local"],
});
