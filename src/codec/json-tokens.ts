// JSON read token by token from bytes as they come, in bounded memory. stream-json makes the tokens; here they are pulled
// one after another, and numbers keep the digits that they were written with.
import { jsonParser, type Token as ParserToken } from "stream-json/core/parser.js";
import { HoldfastError } from "../core/errors.ts";

const NAMES = [
  ...(["startObject", "endObject", "startArray", "endArray", "keyValue"] as const),
  ...(["stringValue", "numberValue", "trueValue", "falseValue", "nullValue"] as const),
];
const WHOLE: ReadonlySet<string> = new Set(NAMES);

/** stream-json's tokens, without those that carry values piece by piece. */
export type JsonToken = Extract<ParserToken, { name: (typeof NAMES)[number] }>;

function isWhole(token: ParserToken): token is JsonToken {
  return WHOLE.has(token.name);
}

/**
 * Tokens of one JSON document. Those that have been read already come without a promise, for there are millions:
 * `tokens.take() ?? (await tokens.next())`.
 */
export class JsonTokens {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  readonly #parse = jsonParser({ packValues: true, streamValues: false });
  #tokens: readonly ParserToken[] = [];
  #at = 0;
  #readBytes = 0;
  #ended = false;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next token, if it need not be waited for. */
  take(): JsonToken | undefined {
    for (;;) {
      const token = this.#tokens[this.#at];
      if (token === undefined) return undefined;
      this.#at += 1;
      if (isWhole(token)) return token;
    }
  }

  /** @throws HoldfastError ARTIFACT_INCOMPLETE at the end, ARTIFACT_CORRUPT for what is not JSON; what the bytes' source throws */
  async next(): Promise<JsonToken> {
    for (;;) {
      const token = this.take();
      if (token !== undefined) return token;
      if (this.#ended) throw new HoldfastError("ARTIFACT_INCOMPLETE", "The JSON document is cut short.");
      await this.#read();
    }
  }

  /** Reads to the end, where nothing but white space may be left. Throws as `next` does. */
  async end(): Promise<void> {
    for (;;) {
      if (this.take() !== undefined)
        throw new HoldfastError("ARTIFACT_CORRUPT", "The JSON goes on after its end.");
      if (this.#ended) return;
      await this.#read();
    }
  }

  /** A value as an object, array or scalar of JavaScript; for what is small. */
  async value(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  /**
   * A value as compact JSON text, its numbers with the digits that they came with.
   * @param first the value's first token, if it has been read
   */
  async text(first?: JsonToken): Promise<string> {
    let text = "";
    let depth = 0;
    let followsValue = false;
    let token = first ?? this.take() ?? (await this.next());
    for (;;) {
      const starts = token.name === "startObject" || token.name === "startArray";
      const ends = token.name === "endObject" || token.name === "endArray";
      depth += starts ? 1 : ends ? -1 : 0;
      text += followsValue && !ends ? `,${textOf(token)}` : textOf(token);
      followsValue = !starts && token.name !== "keyValue";
      if (depth === 0 && followsValue) return text;
      token = this.take() ?? (await this.next());
    }
  }

  /** Lets the source of the bytes go; for when the reading is given up. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  /** The end is not told to the parser: what is missing of a document that has begun, `next` waits for in vain. */
  async #read(): Promise<void> {
    const chunk = await this.#chunks.next();
    if (chunk.done === true) {
      this.#ended = true;
      return;
    }
    try {
      const tokens = this.#parse(this.#decoder.decode(chunk.value, { stream: true }));
      this.#tokens = typeof tokens === "symbol" ? [] : tokens.values;
      this.#at = 0;
    } catch (error) {
      const reason = error instanceof TypeError ? "it is not UTF-8" : "it is not JSON";
      throw new HoldfastError(
        "ARTIFACT_CORRUPT",
        `The document is damaged near byte ${this.#readBytes}: ${reason}.`,
        { cause: error },
      );
    }
    this.#readBytes += chunk.value.length;
  }
}

const LITERALS = {
  ...{ startObject: "{", endObject: "}", startArray: "[", endArray: "]" },
  ...{ trueValue: "true", falseValue: "false", nullValue: "null" },
} as const;

function textOf(token: JsonToken): string {
  if (token.name === "keyValue") return `${JSON.stringify(token.value)}:`;
  if (token.name === "stringValue") return JSON.stringify(token.value);
  return token.name === "numberValue" ? token.value : LITERALS[token.name];
}
