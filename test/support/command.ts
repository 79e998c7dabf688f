import path from "node:path";

/** The `holdfast` command, as npm installs it; for `process.execPath`. */
export const COMMAND = path.join(import.meta.dirname, "../../bin/holdfast.js");
