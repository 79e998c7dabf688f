// The list of an act's work, with peers that do what the test says.
import { describe, expect, it } from "vitest";
import type { Offer, Peers, Piece, PieceProgress, Settlement } from "../../src/engine/peers.ts";
import { WorkList, type Work } from "../../src/engine/work-list.ts";

interface OpenOffer {
  readonly piece: Piece;
  readonly onProgress: (progress: PieceProgress) => void;
  settle(settlement: Settlement): void;
  begun: boolean;
}

function peersWith(room: number, change: Partial<Peers> = {}) {
  const offers: OpenOffer[] = [];
  const peers: Peers = {
    fromBytes: 100,
    room: async () => room,
    entrust: async () => undefined,
    offer: async (piece, onProgress): Promise<Offer> => {
      const { promise, resolve } = Promise.withResolvers<Settlement>();
      const offer: OpenOffer = { piece, onProgress, settle: resolve, begun: false };
      offers.push(offer);
      return {
        settled: promise,
        retract: async () => !offer.begun && offers.splice(offers.indexOf(offer), 1).length > 0,
      };
    },
    ...change,
  };
  return { peers, offers };
}

const pieceOf = (item: number): Piece => ({
  kind: "LOAD",
  artifactId: "a",
  encryption: "NONE",
  manifestSha256: "",
  stores: ["local"],
  database: String(item),
  schema: "s",
  number: 1,
  table: { schema: "public", name: "t" },
  place: { table: { schema: "s", name: "t1" }, columns: [] },
  parts: [],
});

function listOf(items: number[], peers: Peers | undefined, change: Partial<Work<number>> = {}) {
  const stop = new AbortController();
  const accepted: [number, unknown][] = [];
  const counted: PieceProgress[] = [];
  const work: Work<number> = {
    items,
    sizeBytes: (item) => item,
    describe: async (item) => pieceOf(item),
    accept: async (item, result) => void accepted.push([item, result]),
    onProgress: (_, progress) => void counted.push(progress),
    ...change,
  };
  const list = new WorkList(work, { peers, pieceBytes: 50, placesMax: async () => 10, signal: stop.signal });
  return { list, accepted, counted, stop };
}

async function drain(list: WorkList<number>): Promise<number[]> {
  const done: number[] = [];
  for (let task = await list.take(); task !== undefined; task = await list.take()) done.push(task.item);
  list.close();
  return done;
}

describe("a list of work", () => {
  it("is done in its order without peers, and with peers that have no room", async () => {
    expect(await drain(listOf([70, 60, 50], undefined).list)).toEqual([70, 60, 50]);
    expect(await drain(listOf([70, 60, 50], peersWith(0).peers).list)).toEqual([70, 60, 50]);
  });

  it("gives more of what comes next where it is wanted", async () => {
    const { list } = listOf([70, 20, 10], undefined);
    expect(list.takeIf((item) => item < 50)).toBeUndefined();
    expect(await list.take()).toEqual({ item: 70, again: false });
    expect(list.takeIf((item) => item < 50)?.item).toBe(20);
    expect(await drain(list)).toEqual([10]);
    expect(list.takeIf(() => true)).toBeUndefined();
  });

  it("says what others may have: what is large enough, where there are others", () => {
    const { peers } = peersWith(5);
    const { list } = listOf([70, 20, 13, 12], peers);
    expect([70, 13, 12].map((item) => list.isForOthers(item))).toEqual([true, true, false]);
    expect(listOf([70], undefined).list.isForOthers(70)).toBe(false);
    list.close();
  });

  it("is not shared below the size from which that is worth it", async () => {
    const { peers, offers } = peersWith(5, { fromBytes: 181 });
    expect(await drain(listOf([70, 60, 50], peers).list)).toEqual([70, 60, 50]);
    expect(offers).toEqual([]);
  });

  it("takes back what was offered and nobody has begun, so that nothing waits for a peer", async () => {
    const { peers, offers } = peersWith(5);
    const { list } = listOf([70, 60, 50], peers);
    await expect.poll(() => offers.length).toBe(3);
    expect(new Set(await drain(list))).toEqual(new Set([50, 60, 70]));
  });

  it("offers two items for each place, and none that is too small or not for others", async () => {
    const { peers, offers } = peersWith(1);
    const { list } = listOf([70, 65, 60, 55, 10], peers, { isForOthers: (item) => item !== 70 });
    await expect.poll(() => offers.length).toBe(2);
    expect(offers.map(({ piece }) => piece.database)).toEqual(["65", "60"]);
    expect((await list.take())?.item).toBe(70);
    list.close();
  });

  it("ends when peers have done what they have begun, and offers the next as they go", async () => {
    const { peers, offers } = peersWith(1);
    const { list, accepted, counted } = listOf([70, 60, 50], peers);
    await expect.poll(() => offers.length).toBe(2);
    for (const offer of offers) offer.begun = true;
    const done = drain(list);
    offers[0]?.onProgress({ rows: 3, bytes: 30 });
    offers[0]?.onProgress({ rows: 5, bytes: 50 });
    offers[0]?.settle({ done: true, result: "a" });
    await expect.poll(() => accepted).toEqual([[70, "a"]]);
    offers[1]?.settle({ done: true, result: "b" });
    expect(await done).toEqual([50]);
    expect(accepted).toEqual([
      [70, "a"],
      [60, "b"],
    ]);
    expect(counted).toEqual([
      { rows: 3, bytes: 30 },
      { rows: 2, bytes: 20 },
    ]);
  });

  it("does again what comes back, or comes to something wrong, and takes back what was counted of it", async () => {
    const { peers, offers } = peersWith(1);
    const { list, counted } = listOf([70, 60], peers, {
      accept: async () => {
        throw new Error("wrong");
      },
    });
    await expect.poll(() => offers.length).toBe(2);
    for (const offer of offers) offer.begun = true;
    const first = list.take();
    offers[0]?.onProgress({ rows: 3, bytes: 30 });
    offers[0]?.settle({ done: false, reason: "gone" });
    expect(await first).toEqual({ item: 70, again: true });
    expect(counted.reduce((sum, { rows }) => sum + rows, 0)).toBe(0);
    const second = list.take();
    offers[1]?.settle({ done: true, result: "wrong" });
    expect(await second).toEqual({ item: 60, again: true });
    expect(await list.take()).toBeUndefined();
    list.close();
  });

  it("is done alone where peers cannot be reached", async () => {
    const { peers } = peersWith(3, { offer: () => Promise.reject(new Error("out of reach")) });
    expect(new Set(await drain(listOf([70, 60, 50], peers).list))).toEqual(new Set([50, 60, 70]));
  });

  it("stops waiting for peers when it is stopped", async () => {
    const { peers, offers } = peersWith(1);
    const { list, stop } = listOf([60, 60], peers);
    await expect.poll(() => offers.length).toBe(2);
    for (const offer of offers) offer.begun = true;
    const waiting = list.take();
    const reason = new Error("enough");
    stop.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    list.close();
  });
});
