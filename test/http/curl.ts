// curl and other programs of a person at a shell, run as child processes.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

export interface Outcome {
  /** null: it was killed. */
  readonly exitCode: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** A program that runs; `outcome` never rejects. */
export interface Running {
  readonly child: ChildProcess;
  readonly outcome: Promise<Outcome>;
}

export function start(program: string, args: readonly string[], options: RunOptions = {}): Running {
  const child = spawn(program, args, {
    cwd: options.directory,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stdout: Buffer[] = [];
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const outcome = once(child, "close").then(([exitCode]: (number | null)[]) => ({
    exitCode: exitCode ?? null,
    stdout: Buffer.concat(stdout),
    stderr,
  }));
  return { child, outcome };
}

interface RunOptions {
  readonly directory?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly exitCode: number | null;
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
  /** Of the body, as an error or any other JSON. */
  readonly json: {
    readonly success?: boolean;
    readonly error?: {
      readonly code: string;
      readonly message: string;
      readonly hint: string;
      readonly details?: object;
    };
    readonly [field: string]: unknown;
  };
  /** Bytes of the body that curl has sent. */
  readonly uploadedBytes: number;
}

/** Runs curl and gives back the last answer that it got. */
export async function curl(...args: string[]): Promise<Answer> {
  const directory = await mkdtemp(path.join(tmpdir(), "holdfast-curl-"));
  try {
    const report = String.raw`%{http_code} %{size_upload}`;
    const fixed = ["-sS", "-D", "head", "-o", "body", "-w", report];
    const { exitCode, stdout } = await start("curl", [...fixed, ...args], { directory }).outcome;
    const [status = 0, uploadedBytes = 0] = stdout.toString().split(" ").map(Number);
    const head = await readFile(path.join(directory, "head"), "utf8").catch(() => "");
    const body = await readFile(path.join(directory, "body")).catch(() => Buffer.alloc(0));
    const isJson = body[0] === "{".charCodeAt(0);
    return {
      exitCode,
      status,
      headers: headersIn(head),
      body,
      json: isJson ? JSON.parse(body.toString()) : {},
      uploadedBytes,
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Of the last answer: "100 Continue" comes before it. */
function headersIn(head: string): Headers {
  const last = head.trim().split("\r\n\r\n").at(-1) ?? "";
  const fields = last.split("\r\n").slice(1);
  return new Headers(
    fields.map((field): [string, string] => {
      const colon = field.indexOf(":");
      return [field.slice(0, colon), field.slice(colon + 1).trim()];
    }),
  );
}

export const authorized = ({ authorization }: { readonly authorization: string }): string[] => [
  "-H",
  `Authorization: ${authorization}`,
];
