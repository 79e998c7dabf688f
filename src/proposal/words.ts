// Names taken apart into words, so that `order_items`, `OrderItems` and `orders` are seen to belong together.

/** Lower case, in order: `customerOrders_v2` is customer, orders, v2. Letters lose their accents; what is neither letter nor digit parts words. */
export function wordsOf(name: string): string[] {
  return name
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/(\p{Ll}|\d)(\p{Lu})/gu, "$1 $2")
    .replaceAll(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\d]+/u)
    .filter((word) => word !== "");
}

/** Singular and plural come to the same: `entries`, `entry`; `boxes`, `box`; `orders`, `order`. */
export function stem(word: string): string {
  if (word.length < 4) return word;
  return word
    .replace(/ies$/, "y")
    .replace(/(ss|sh|ch|x|z)es$/, "$1")
    .replace(/([^su])s$/, "$1");
}

const stems = (name: string): string[] => wordsOf(name).map(stem);

/** `order_items` extends `orders`. */
export function extendsName(name: string, shorter: string): boolean {
  const [longWords, words] = [stems(name), stems(shorter)];
  return longWords.length > words.length && words.length > 0 && startsWith(longWords, words);
}

function startsWith(words: readonly string[], start: readonly string[]): boolean {
  return start.every((word, at) => words[at] === word);
}

/** What a foreign key's column is called beside the thing that it refers to. */
const KEY_WORDS = new Set([
  "id",
  "ids",
  "key",
  "fk",
  "uuid",
  "guid",
  "code",
  "no",
  "nr",
  "number",
  "pk",
  "ref",
]);

/** `album_id` is named after `album`, and after `app_albums`; `support_rep_id` is not named after `employee`. */
export function isNamedAfter(column: string, table: string): boolean {
  const words = stems(column);
  while (words.length > 1 && KEY_WORDS.has(words.at(-1) ?? "")) words.pop();
  const target = stems(table);
  return words.length > 0 && startsWith(target.toReversed(), words.toReversed());
}
