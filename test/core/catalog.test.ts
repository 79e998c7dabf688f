import { describe, expect, it } from "vitest";
import { buildCatalog, permissionsFor, selectEntities } from "../../src/core/catalog.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";

const names = (selection: Parameters<typeof selectEntities>[1]) =>
  selectEntities(platformCatalog, selection).map((entity) => entity.name);
const reading = (...groups: string[]) => permissionsFor(selectEntities(platformCatalog, { groups }), "READ");
const writing = (...groups: string[]) => permissionsFor(selectEntities(platformCatalog, { groups }), "WRITE");

describe("the platform catalog", () => {
  it("selects everything but the opt-in entities by default", () => {
    expect(names({})).toEqual([
      ...["USERS", "ROLES", "GROUPS", "TOKENS", "PIPELINES", "TRANSFORMERS", "ALERTS", "STREAMS"],
      ...["TEMPLATES", "SPACES", "VARIABLES"],
    ]);
  });

  it("adds opt-in entities to the default selection when they are included", () => {
    expect(names({ include: ["AUDIT_LOGS"] })).toContain("AUDIT_LOGS");
    expect(names({ include: ["AUDIT_LOGS"] })).toContain("USERS");
  });

  it("selects exactly the named entities, opt-in ones among them", () => {
    expect(names({ entities: ["AUDIT_LOGS", "USERS"] })).toEqual(["USERS", "AUDIT_LOGS"]);
  });

  it("leaves opt-in entities out of their group unless they are included", () => {
    expect(names({ groups: ["WORKSPACE"] })).toEqual(["TEMPLATES", "SPACES", "VARIABLES"]);
    expect(names({ groups: ["WORKSPACE"], include: ["CONFIG_VALUES"] })).toContain("CONFIG_VALUES");
  });

  it("takes the name of a group that is opt-in as a whole for asking", () => {
    expect(names({ groups: ["AUDIT"] })).toEqual(["AUDIT_LOGS"]);
    expect(names({})).not.toContain("AUDIT_LOGS");
  });

  it("refuses unknown names and selections of nothing, and says what there is", () => {
    const refused = (hint: RegExp) =>
      expect.objectContaining({ code: "BAD_INPUT", hint: expect.stringMatching(hint) });
    expect(() => names({ entities: ["USER"] })).toThrow(refused(/USERS/));
    expect(() => names({ groups: ["AUTHS"] })).toThrow(refused(/AUTH/));
    expect(() => names({ entities: [] })).toThrow(refused(/./));
  });

  it("needs the permissions that the REST contract names for each group", () => {
    expect(reading("AUTH")).toEqual(["READ_ACLS"]);
    expect(writing("AUTH")).toEqual(["WRITE_ACLS"]);
    expect(reading("CONFIG")).toEqual(["READ_PIPELINES", "READ_TRANSFORMERS", "READ_ALERTS"]);
    expect(writing("CONFIG")).toEqual(["WRITE_PIPELINES", "WRITE_TRANSFORMERS", "WRITE_ALERTS"]);
    expect(reading("LOGS")).toEqual(["READ_STREAMS"]);
    expect(writing("LOGS")).toEqual(["WRITE_STREAMS"]);
  });
});

describe("a catalog that is not valid", () => {
  it("is refused with every fault at once", () => {
    const table = { schema: "public", name: "events" };
    const declare = () =>
      buildCatalog({
        people: { CUSTOMERS: { label: "", tables: [], read: "R", write: "W" } },
        LOGS: {
          EVENTS: { label: "", tables: [table], read: "R", write: "W" },
          COPIES: { label: "", tables: [table], read: "R", write: "W" },
        },
      });
    expect(declare).toThrow(
      expect.objectContaining({
        code: "CONFIG_INVALID",
        message: expect.stringMatching(
          /group people: [^]*CUSTOMERS\.tables: name at[^]*COPIES\.tables: public\.events already/,
        ),
      }),
    );
  });
});
