import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import {
  checkRowSelections,
  describeSelector,
  formatKey,
  formatRowSelections,
  parseRowSelection,
  splitKey,
} from "../../src/core/row-selection.ts";

describe("a selection that somebody types", () => {
  it.each([
    ["users:42", { entity: "USERS", keys: ["42"] }],
    ["users:-42", { entity: "USERS", keys: ["-42"] }],
    ["audit-logs:7", { entity: "AUDIT_LOGS", keys: ["7"] }],
    ["order_items:7,3", { entity: "ORDER_ITEMS", keys: ["7,3"] }],
    ['order_items:"a,b",3', { entity: "ORDER_ITEMS", keys: ['"a,b",3'] }],
    ["users:id=42", { entity: "USERS", match: [{ column: "id", equals: "42" }] }],
    ["users:email=a@b.c", { entity: "USERS", match: [{ column: "email", equals: "a@b.c" }] }],
    ["users:email=", { entity: "USERS", match: [{ column: "email", equals: "" }] }],
    [
      "templates:name=Welcome,locale=en",
      {
        entity: "TEMPLATES",
        match: [
          { column: "name", equals: "Welcome" },
          { column: "locale", equals: "en" },
        ],
      },
    ],
    [
      'templates:name="Hello, ""World""", locale=en',
      {
        entity: "TEMPLATES",
        match: [
          { column: "name", equals: 'Hello, "World"' },
          { column: "locale", equals: "en" },
        ],
      },
    ],
    [
      "config-values:url=http://a/?b=c",
      { entity: "CONFIG_VALUES", match: [{ column: "url", equals: "http://a/?b=c" }] },
    ],
    ['config-values:"a=b"', { entity: "CONFIG_VALUES", keys: ["a=b"] }],
    ['events:"odd, name"=x', { entity: "EVENTS", match: [{ column: "odd, name", equals: "x" }] }],
    ["users:12:30:00", { entity: "USERS", keys: ["12:30:00"] }],
    ['users:O"Brien', { entity: "USERS", keys: ['O"Brien'] }],
    ['users:name=5" nail', { entity: "USERS", match: [{ column: "name", equals: '5" nail' }] }],
  ])("%s is read", (text, selection) => {
    expect(parseRowSelection(text)).toEqual(selection);
  });

  it.each([
    ["users", /names no entity/],
    [":42", /names no entity/],
    ["users:", /names no row/],
    ["users=42", /names no entity/],
    ['users:name="open', /quote is not closed/],
    ['users:name="a"b', /follows a closing quote/],
    ["templates:name=Hello, World", /" World" stands for no column/],
  ])("%s is refused, with what to write", (text, message) => {
    expect(() => parseRowSelection(text)).toThrow(
      expect.objectContaining({
        code: "BAD_INPUT",
        message: expect.stringMatching(message),
        hint: expect.stringMatching(/Write a key/),
      }),
    );
  });

  it("says in messages what could be typed", () => {
    const value = fc.string({ unit: "grapheme", minLength: 1 });
    const column = value.filter((name) => name === name.trim());
    fc.assert(
      fc.property(fc.array(fc.record({ column, equals: value }), { minLength: 1, maxLength: 3 }), (match) => {
        expect(parseRowSelection(describeSelector({ entity: "USERS", match }))).toEqual({
          entity: "USERS",
          match,
        });
      }),
    );
  });
});

it("is sent to a server as the text that means the same there", () => {
  const values = fc.array(fc.string({ unit: "grapheme", minLength: 1 }), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(values, (key) => {
      const selection = { entity: "USERS", keys: [formatKey(key)] };
      expect(formatRowSelections([selection]).map(parseRowSelection)).toEqual([selection]);
    }),
  );
});

describe("a key of several columns", () => {
  it("is one text and back, whatever its values", () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 2, maxLength: 4 }), (values) => {
        expect(splitKey(formatKey(values), values.length)).toEqual(values);
      }),
    );
  });

  it("is none where there are fewer or more values", () => {
    expect(splitKey("7", 2)).toBeUndefined();
    expect(splitKey("7,3,1", 2)).toBeUndefined();
    expect(splitKey('"7,3', 2)).toEqual(['"7', "3"]);
    expect(splitKey("a,b", 1)).toEqual(["a,b"]);
  });
});

describe("the selections of a restore", () => {
  const check = (rows: Parameters<typeof checkRowSelections>[1], mode: "MERGE" | "REPLACE" = "MERGE") =>
    checkRowSelections(platformCatalog, rows, mode);

  it("are the same in whatever order, and however often, they are named", () => {
    const users = { entity: "USERS", keys: ["2", "1", "2"] };
    const match = [
      { column: "name", equals: "b" },
      { column: "locale", equals: "en" },
    ];
    const templates = { entity: "TEMPLATES", match };
    const expected = check([users, templates]);
    expect(check([templates, users, { entity: "USERS", keys: ["1", "2"] }])).toEqual(expected);
    expect(expected).toEqual([
      { entity: "TEMPLATES", match: match.toReversed() },
      { entity: "USERS", keys: ["1", "2"] },
    ]);
  });

  it.each([
    [[], /empty/],
    [[{ entity: "NOBODY", keys: ["1"] }], /no entity NOBODY/],
    [[{ entity: "USERS" }], /neither keys nor columns/],
    [[{ entity: "USERS", keys: [] }], /empty/],
    [[{ entity: "USERS", keys: ["a\0b"] }], /no column holds/],
    [[{ entity: "USERS", keys: ["\ud800"] }], /no column holds/],
    [[{ entity: "USERS", keys: Array.from({ length: 10_001 }, (_, n) => String(n)) }], /10001 rows/],
  ])("are refused: %#", (rows, message) => {
    expect(() => check(rows)).toThrow(
      expect.objectContaining({ code: "BAD_INPUT", message: expect.stringMatching(message) }),
    );
  });

  it("are refused with REPLACE", () => {
    expect(() => check([{ entity: "USERS", keys: ["1"] }], "REPLACE")).toThrow(/REPLACE/);
  });
});
