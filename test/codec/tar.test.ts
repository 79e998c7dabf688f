// The tar form: against stock tar in both directions, read both ways, and damaged in every way.
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeTarHeader, END_BYTES, paddingBytes, readTar, scanTar } from "../../src/codec/tar.ts";
import { isHoldfastError } from "../../src/core/errors.ts";
import { haveTools, shell } from "../support/stock-tools.ts";
import { collect, errorOf, flipped, noise } from "./fixtures.ts";

const AT = new Date("2026-11-22T10:00:00Z");
const BLOCK = 512;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "holdfast-tar-"));
});
afterAll(() => rm(directory, { recursive: true }));

type Members = readonly (readonly [name: string, bytes: Buffer])[];

function member(name: string, bytes: Buffer): Buffer {
  return Buffer.concat([
    encodeTarHeader(name, bytes.length, AT),
    bytes,
    Buffer.alloc(paddingBytes(bytes.length)),
  ]);
}

function tarOf(members: Members): Buffer {
  return Buffer.concat([...members.map(([name, bytes]) => member(name, bytes)), Buffer.alloc(END_BYTES)]);
}

async function* inPieces(bytes: Buffer, step: number) {
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
}

async function streamed(tar: Buffer, step = 1000): Promise<Members> {
  const members: [string, Buffer][] = [];
  for await (const { name, body } of readTar(inPieces(tar, step))) members.push([name, await collect(body)]);
  return members;
}

async function scanned(tar: Buffer): Promise<Members> {
  const file = path.join(directory, "scanned.tar");
  await writeFile(file, tar);
  const handle = await open(file);
  try {
    const places = await scanTar(handle);
    return places.map(({ name, offsetBytes, sizeBytes }) => [
      name,
      tar.subarray(offsetBytes, offsetBytes + sizeBytes),
    ]);
  } finally {
    await handle.close();
  }
}

/** With which code it is refused; both ways of reading must agree. */
async function refusal(tar: Buffer): Promise<unknown> {
  const codes = await Promise.all(
    [streamed(tar), scanned(tar)].map((reading) =>
      reading.then(
        () => "read",
        (error: unknown) => (isHoldfastError(error) ? error.code : error),
      ),
    ),
  );
  return codes[0] === codes[1] ? codes[0] : codes;
}

const MEMBERS: Members = [
  ["holdfast.json", Buffer.from("{}\n")],
  ["empty", Buffer.alloc(0)],
  ["parts/000001.copy.zst", noise(BLOCK)],
  ["parts/000002.copy.zst", noise(BLOCK + 1)],
  ["parts/000003.copy.zst", noise(100_000)],
];

/** A header with some fields changed, and its checksum right. */
function forged(change: (block: Buffer) => void): Buffer {
  const block = encodeTarHeader("x", 0, AT);
  change(block);
  block.write("        ", 148, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

describe("reading a tar", () => {
  it("gives back what was written, as a stream cut anywhere and by offsets", async () => {
    const tar = tarOf(MEMBERS);
    for (const step of [1, 511, 512, 513, tar.length]) expect(await streamed(tar, step)).toEqual(MEMBERS);
    expect(await scanned(tar)).toEqual(MEMBERS);
  });

  it("passes over bodies that nobody reads, or not to their end", async () => {
    const names: string[] = [];
    for await (const { name, body } of readTar(inPieces(tarOf(MEMBERS), 777))) {
      names.push(name);
      if (name.endsWith("2.copy.zst")) for await (const _ of body) break;
    }
    expect(names).toEqual(MEMBERS.map(([name]) => name));
  });

  it("closes the stream when its reader leaves early", async () => {
    let closed = false;
    const chunks = async function* () {
      try {
        yield* inPieces(tarOf(MEMBERS), 100);
      } finally {
        closed = true;
      }
    };
    for await (const _ of readTar(chunks())) break;
    expect(closed).toBe(true);
  });

  it("finds it incomplete wherever it is cut", async () => {
    const tar = tarOf(MEMBERS.slice(0, 4));
    for (let length = 0; length < tar.length; length += 16)
      expect(await refusal(tar.subarray(0, length))).toBe("ARTIFACT_INCOMPLETE");
    expect(await refusal(tar.subarray(0, -1))).toBe("ARTIFACT_INCOMPLETE");
  });

  it("refuses a flipped bit in any header, padding or end mark", async () => {
    const tar = tarOf([
      ["holdfast.json", noise(BLOCK - 10)],
      ["b", noise(10)],
    ]);
    for (let at = 0; at < tar.length; at++) {
      const inBody = (at >= BLOCK && at < 2 * BLOCK - 10) || (at >= 3 * BLOCK && at < 3 * BLOCK + 10);
      if (inBody) continue;
      const damaged = flipped(tar, at * 8 + (at % 7));
      await expect(streamed(damaged, 4096)).rejects.toEqual(errorOf("NOT_AN_ARTIFACT", "ARTIFACT_CORRUPT"));
    }
  });

  it("refuses what is something else from its beginning", async () => {
    expect(await refusal(Buffer.from("CREATE TABLE users"))).toBe("NOT_AN_ARTIFACT");
    expect(await refusal(noise(5000))).toBe("NOT_AN_ARTIFACT");
    expect(await refusal(Buffer.alloc(10_240))).toBe("NOT_AN_ARTIFACT");
  });

  it("refuses links, devices and whatever else is no file", async () => {
    for (const type of ["1", "2", "3", "4", "6", "7", "L", "S"]) {
      const tar = Buffer.concat([
        member("holdfast.json", noise(1)),
        forged((block) => block.write(type, 156)),
        Buffer.alloc(END_BYTES),
      ]);
      expect(await refusal(tar)).toBe("ARTIFACT_CORRUPT");
    }
  });

  it("refuses names that lead elsewhere", async () => {
    for (const name of [
      "/etc/passwd",
      "../x",
      "a/../../x",
      "a//b",
      "a/",
      ".",
      "..",
      "a\\b",
      "a\u0007b",
      "a/./b",
    ]) {
      const block = forged((header) => {
        header.fill(0, 0, 100);
        header.write(name, 0);
      });
      expect(
        await refusal(Buffer.concat([member("holdfast.json", noise(1)), block, Buffer.alloc(END_BYTES)])),
      ).toBe("ARTIFACT_CORRUPT");
      expect(() => encodeTarHeader(name, 1, AT)).toThrow(errorOf("BAD_INPUT"));
    }
  });

  it("refuses a name that comes twice", async () => {
    expect(
      await refusal(
        tarOf([
          ["a", noise(1)],
          ["a", noise(2)],
        ]),
      ),
    ).toBe("ARTIFACT_CORRUPT");
  });

  it("refuses absurd sizes", async () => {
    const huge = forged((block) => block.write("77777777777\0", 124));
    expect(await refusal(Buffer.concat([member("a", noise(1)), huge]))).toBe("ARTIFACT_INCOMPLETE");
    const binary = forged((block) => block.writeUInt32BE(0x80ffffff, 124));
    expect(await refusal(Buffer.concat([member("a", noise(1)), binary, Buffer.alloc(END_BYTES)]))).toBe(
      "ARTIFACT_CORRUPT",
    );
    const negative = forged((block) => block.write("-0000000001\0", 124));
    expect(await refusal(Buffer.concat([member("a", noise(1)), negative, Buffer.alloc(END_BYTES)]))).toBe(
      "ARTIFACT_CORRUPT",
    );
  });

  it("refuses pax headers that are damaged, too long, or say an absurd size", async () => {
    const pax = (records: string, sizeBytes = Buffer.byteLength(records)) =>
      Buffer.concat([
        forged((block) => {
          block.write("x", 156);
          block.write(`${sizeBytes.toString(8).padStart(11, "0")}\0`, 124);
        }),
        Buffer.from(records),
        Buffer.alloc(paddingBytes(Buffer.byteLength(records))),
        member("b", noise(1)),
        Buffer.alloc(END_BYTES),
      ]);
    const start = member("a", noise(1));
    for (const records of [
      "8 path=x\n",
      "99 path=x\n",
      "x path=x\n",
      "10 path/xy\n",
      "-5 path=x\n",
      "30 size=99999999999999999999\n",
      "13 path=../x\n",
    ])
      expect(await refusal(Buffer.concat([start, pax(records)]))).toBe("ARTIFACT_CORRUPT");
    expect(await refusal(Buffer.concat([start, pax("11 path=xy\n", 1_000_000)]))).toBe("ARTIFACT_CORRUPT");
    expect(await streamed(Buffer.concat([start, pax("11 path=xy\n")]))).toEqual([
      ["a", noise(1)],
      ["xy", noise(1)],
    ]);
  });

  it("refuses bytes after the end mark, but not the zeros that other tars end with", async () => {
    const tar = tarOf(MEMBERS);
    expect(await streamed(Buffer.concat([tar, Buffer.alloc(10_240)]))).toEqual(MEMBERS);
    expect(await scanned(Buffer.concat([tar, Buffer.alloc(10_240)]))).toEqual(MEMBERS);
    expect(await refusal(Buffer.concat([tar, Buffer.from("x")]))).toBe("ARTIFACT_CORRUPT");
    expect(await refusal(Buffer.concat([tar, tar]))).toBe("ARTIFACT_CORRUPT");
  });
});

describe.skipIf(!haveTools("tar"))("stock tar", () => {
  const LONG = `${"long/".repeat(30)}name with späces and 名前`;

  it("lists and extracts what we write", async () => {
    const members: Members = [...MEMBERS, [LONG, noise(7)]];
    await writeFile(path.join(directory, "ours.tar"), tarOf(members));
    const listed = shell("tar --quoting-style=literal -tf ours.tar", directory).toString();
    expect(listed).toBe(`${members.map(([name]) => name).join("\n")}\n`);
    shell("mkdir -p out && tar -xf ours.tar -C out", directory);
    for (const [name, bytes] of members)
      expect(await readFile(path.join(directory, "out", name))).toEqual(bytes);
    expect(shell("stat -c '%a %Y' out/holdfast.json", directory).toString()).toBe(
      `600 ${AT.getTime() / 1000}\n`,
    );
  });

  it.each(["ustar", "pax", "gnu"])("writes what we read, in its %s format", async (format) => {
    const source = path.join(directory, `source-${format}`);
    await mkdir(path.join(source, "parts"), { recursive: true });
    await writeFile(path.join(source, "holdfast.json"), "{}\n");
    await writeFile(path.join(source, "parts", "000001.copy.zst"), noise(70_000));
    shell(`tar --format=${format} -cf theirs.tar -C ${source} .`, directory);
    const tar = await readFile(path.join(directory, "theirs.tar"));
    const expected = new Map<string, Buffer>([
      ["holdfast.json", Buffer.from("{}\n")],
      ["parts/000001.copy.zst", noise(70_000)],
    ]);
    expect(new Map(await streamed(tar))).toEqual(expected);
    expect(new Map(await scanned(tar))).toEqual(expected);
  });

  it("sees a size of more than 8 GiB as we do", async () => {
    const sizeBytes = 9 * 1024 ** 3;
    const file = path.join(directory, "huge.tar");
    const handle = await open(file, "w+");
    try {
      const header = encodeTarHeader("huge", sizeBytes, AT);
      await handle.write(header, 0, header.length, 0);
      // Nothing but a hole on the disk.
      await handle.truncate(header.length + sizeBytes + END_BYTES);
      expect(await scanTar(handle)).toEqual([{ name: "huge", sizeBytes, offsetBytes: header.length }]);
    } finally {
      await handle.close();
    }
    expect(shell("tar -tvf huge.tar", directory).toString()).toMatch(new RegExp(` ${sizeBytes} .* huge\n$`));
  });
});
