// A process that asks for the secret key of a data directory and prints it, for a test that runs several at once.
import { ensureSecretKey } from "../../src/config/secret-key.ts";

const [, , dataDir] = process.argv;
if (dataDir === undefined) throw new Error("usage: make-key-process.ts DATA_DIR");
process.stdout.write(await ensureSecretKey(dataDir));
