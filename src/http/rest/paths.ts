// Where the REST endpoints are.
export const REST_PATH = "/api/v1";
/** Below it, requests bring files: they may take their time, and are looked at before their body is asked for. */
export const UPLOAD_PATH = `${REST_PATH}/restore`;
