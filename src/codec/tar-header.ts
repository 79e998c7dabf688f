// One header of a tar: 512 bytes of POSIX ustar, with a pax header before it for what ustar cannot say
// (https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html, "ustar Interchange Format" and "pax Header Block").
import { HoldfastError } from "../core/errors.ts";

export const BLOCK_BYTES = 512;
/** Two zero blocks end a tar. */
export const END_BYTES = 2 * BLOCK_BYTES;

const NAME = { at: 0, length: 100 };
const MODE = { at: 100, length: 8 };
const OWNER = { at: 108, length: 8 };
const GROUP = { at: 116, length: 8 };
const SIZE = { at: 124, length: 12 };
const MODIFIED = { at: 136, length: 12 };
const CHECKSUM = { at: 148, length: 8 };
const TYPE_AT = 156;
const MAGIC = { at: 257, length: 8 };
const PREFIX = { at: 345, length: 155 };

interface Field {
  readonly at: number;
  readonly length: number;
}

/** What eleven octal digits say at most. */
const USTAR_SIZE_MAX = 8 ** 11 - 1;

/** Bytes from the end of an object to the next block. */
export function paddingBytes(sizeBytes: number): number {
  return (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
}

/**
 * The block (or three, with a pax header) that stands before an object of this name and size.
 * @param name as `checkMemberName` wants it
 * @throws HoldfastError BAD_INPUT for a name or size that is none
 */
export function encodeTarHeader(name: string, sizeBytes: number, modifiedAt: Date): Buffer {
  if (!isMemberName(name))
    throw new HoldfastError("BAD_INPUT", `${JSON.stringify(name)} cannot be a name in a tar.`);
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0)
    throw new HoldfastError("BAD_INPUT", `${sizeBytes} cannot be a size.`);
  const fits = Buffer.byteLength(name) <= NAME.length && /^[\x20-\x7e]*$/.test(name);
  const records = [
    fits ? "" : paxRecord("path", name),
    sizeBytes <= USTAR_SIZE_MAX ? "" : paxRecord("size", String(sizeBytes)),
  ].join("");
  // A reader that knows no pax makes a file of a stand-in name, and is lost after an object of more than 8 GiB.
  const block = ustarBlock(
    "0",
    fits ? name : "holdfast-object",
    Math.min(sizeBytes, USTAR_SIZE_MAX),
    modifiedAt,
  );
  if (records === "") return block;
  const pax = Buffer.from(records);
  return Buffer.concat([
    ustarBlock("x", "holdfast-pax", pax.length, modifiedAt),
    pax,
    Buffer.alloc(paddingBytes(pax.length)),
    block,
  ]);
}

function ustarBlock(type: "0" | "x", name: string, sizeBytes: number, modifiedAt: Date): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.write(name, NAME.at, "latin1");
  writeOctal(block, MODE, 0o600);
  writeOctal(block, OWNER, 0);
  writeOctal(block, GROUP, 0);
  writeOctal(block, SIZE, sizeBytes);
  writeOctal(block, MODIFIED, Math.max(0, Math.floor(modifiedAt.getTime() / 1000)));
  block.write(type, TYPE_AT, "latin1");
  block.write("ustar\u000000", MAGIC.at, "latin1");
  block.write(`${checksum(block).toString(8).padStart(6, "0")}\0 `, CHECKSUM.at, "latin1");
  return block;
}

function writeOctal(block: Buffer, field: Field, value: number): void {
  block.write(value.toString(8).padStart(field.length - 1, "0"), field.at, "latin1");
}

/** `length key=value\n`, where the length counts its own digits. */
function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

/** The sum of the header's bytes, its own field taken as spaces. */
function checksum(block: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < BLOCK_BYTES; at++) {
    const inField = at >= CHECKSUM.at && at < CHECKSUM.at + CHECKSUM.length;
    sum += inField ? 0x20 : (block[at] ?? 0);
  }
  return sum;
}

/** A header as it stands; `type` is ustar's letter. */
export interface TarHeader {
  readonly type: string;
  readonly name: string;
  readonly sizeBytes: number;
}

/** @returns undefined for what is not a tar header: another magic, a checksum that is not its sum, a size that is no number */
export function parseTarHeader(block: Buffer): TarHeader | undefined {
  // "ustar\0" is POSIX, "ustar " is what GNU tar writes unless it is told otherwise.
  if (!/^ustar[\0 ]$/.test(block.toString("latin1", MAGIC.at, MAGIC.at + 6))) return undefined;
  if (readOctal(block, CHECKSUM) !== checksum(block)) return undefined;
  const sizeBytes = readOctal(block, SIZE);
  if (sizeBytes === undefined) return undefined;
  // GNU tar keeps times where ustar keeps the prefix.
  const posix = block[MAGIC.at + 5] === 0;
  const prefix = posix ? readText(block, PREFIX) : "";
  const name = readText(block, NAME);
  return {
    type: String.fromCharCode(block[TYPE_AT] ?? 0),
    name: prefix === "" ? name : `${prefix}/${name}`,
    sizeBytes,
  };
}

function readText(block: Buffer, field: Field): string {
  const bytes = block.subarray(field.at, field.at + field.length);
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end === -1 ? bytes.length : end);
}

function readOctal(block: Buffer, field: Field): number | undefined {
  const text = block.toString("latin1", field.at, field.at + field.length);
  const digits = /^ *([0-7]+)[\0 ]*$/.exec(text)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
}

/** What a pax header says of the next member that ustar could not. */
export interface PaxOverrides {
  readonly path?: string;
  readonly sizeBytes?: number;
}

/** @returns undefined where the records are malformed */
export function parsePax(records: Buffer): PaxOverrides | undefined {
  const values = new Map<string, string>();
  for (let at = 0; at < records.length;) {
    const space = records.indexOf(0x20, at);
    const length = Number(records.toString("latin1", at, space === -1 ? at : space));
    const end = at + length;
    if (!Number.isSafeInteger(length) || end <= space || end > records.length || records[end - 1] !== 0x0a)
      return undefined;
    const record = records.toString("utf8", space + 1, end - 1);
    const equals = record.indexOf("=");
    if (equals < 1) return undefined;
    values.set(record.slice(0, equals), record.slice(equals + 1));
    at = end;
  }
  const path = values.get("path");
  const size = values.get("size");
  if (size !== undefined && !/^\d{1,16}$/.test(size)) return undefined;
  return { ...(path !== undefined && { path }), ...(size !== undefined && { sizeBytes: Number(size) }) };
}

/** Relative, `/` between segments, none of them empty, `.` or `..`, nothing that a file system or terminal may misread. */
export function isMemberName(name: string): boolean {
  return (
    name.length > 0 &&
    name.length <= 1024 &&
    name.isWellFormed() &&
    // oxlint-disable-next-line eslint/no-control-regex -- control characters are what it refuses
    !/[\u0000-\u001f\u007f\\]/.test(name) &&
    name.split("/").every((segment) => segment !== "" && segment !== "." && segment !== "..")
  );
}
