// A hash of rows that does not depend on their order: the sum, modulo 2^64, of the XXH64 of every row of COPY text. It tells
// whether a table holds the rows that another one held, and guards against mistakes, not against somebody who means harm:
// that is what the parts' SHA-256 and the encryption are for. WebAssembly does it at the speed at which memory is read.
import { ROW_SUM_WASM } from "./row-sum.wasm.ts";

/** What the manifest calls it. */
export const ROW_SUM_ALGORITHM = "xxh64-sum";

/** Where the module expects the state of a stream, and the bytes to take in. */
const STATE_BYTES = 80;
const INPUT_START = 128;
const INPUT_BYTES = 1024 * 1024;

interface RowSumModule {
  readonly memory: Uint8Array;
  readonly take: (sizeBytes: number) => void;
}

let loaded: RowSumModule | undefined;

/** One instance serves every stream of the process, for none of them keeps anything in it between two calls. */
function load(): RowSumModule {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(ROW_SUM_WASM, "base64")));
  const { memory, take } = exports;
  if (!(memory instanceof WebAssembly.Memory) || typeof take !== "function")
    throw new Error("row-sum.wasm.ts does not hold the module of row-sum.wat");
  return {
    memory: new Uint8Array(memory.buffer),
    take: (sizeBytes) => void Reflect.apply(take, undefined, [sizeBytes]),
  };
}

/** The sum over one stream of rows, which may be cut anywhere. Sums of streams add up to the sum of all of their rows. */
export class RowSum {
  readonly #state = new Uint8Array(STATE_BYTES);

  /** @param bytes the next ones of the COPY text; they are not kept */
  add(bytes: Uint8Array): void {
    loaded ??= load();
    const { memory, take } = loaded;
    memory.set(this.#state);
    for (let at = 0; at < bytes.length; at += INPUT_BYTES) {
      const input = bytes.subarray(at, at + INPUT_BYTES);
      memory.set(input, INPUT_START);
      take(input.length);
    }
    this.#state.set(memory.subarray(0, STATE_BYTES));
  }

  /** @throws Error when the bytes so far end in the middle of a row */
  value(): bigint {
    const view = new DataView(this.#state.buffer);
    if (view.getBigUint64(8, true) !== 0n) throw new Error("The rows end in the middle of a row.");
    return view.getBigUint64(0, true);
  }
}

/** As the manifest has it: 16 hexadecimal digits in lower case. @param sums of disjoint sets of rows */
export function formatRowSum(...sums: readonly bigint[]): string {
  const sum = sums.reduce((total, one) => BigInt.asUintN(64, total + one), 0n);
  return sum.toString(16).padStart(16, "0");
}

/** What `formatRowSum` has written. */
export function parseRowSum(text: string): bigint {
  return BigInt(`0x${text}`);
}
