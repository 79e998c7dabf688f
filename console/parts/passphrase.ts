// How hard a passphrase is to guess, roughly, and making one that is hard. Nothing leaves the page.

export interface Strength {
  /** 0 (guessed at once) to 4. */
  readonly score: number;
  readonly word: string;
}

const WORDS = ["Very weak: guessed at once", "Weak", "Fair", "Good", "Strong"];
/** Bits from which each score begins; age's scrypt makes every guess cost a second, which the last steps count on. */
const STEPS = [28, 42, 56, 72];
const RUNS = [
  "abcdefghijklmnopqrstuvwxyz",
  "01234567890",
  "qwertyuiop",
  "asdfghjkl",
  "zxcvbnm",
  "qwertzuiop",
];
const COMMON =
  /pass(word|wort|phrase)?|secret|admin|holdfast|backup|letmein|welcome|dragon|master|monkey|login|test/g;

/**
 * Counts what is new in it: a letter that repeats or goes on a run of the alphabet or the keyboard adds little, a word that
 * everybody tries first adds as much as one letter, and words of letters alone add less for each letter than noise does.
 */
export function judgePassphrase(passphrase: string): Strength {
  const bare = passphrase.toLowerCase().replaceAll(COMMON, "~");
  const letters = Array.from(bare);
  const isWordy = /^[\p{L} '~-]+$/u.test(bare);
  let bits = 0;
  for (const [index, letter] of letters.entries()) {
    const before = letters[index - 1] ?? "";
    if (letter === before || isRun(before, letter)) bits += 0.5;
    else bits += isWordy ? 2.6 : alphabetBits(passphrase);
  }
  const distinct = new Set(letters).size;
  bits = Math.min(bits, distinct * 9);
  const score = STEPS.filter((step) => bits >= step).length;
  return { score, word: WORDS[score] ?? "" };
}

function isRun(before: string, letter: string): boolean {
  return before !== "" && RUNS.some((run) => run.includes(before + letter) || run.includes(letter + before));
}

function alphabetBits(passphrase: string): number {
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^a-zA-Z\d]/].filter((kind) => kind.test(passphrase)).length;
  return [0, 3.2, 4.2, 4.8, 5.3][kinds] ?? 5.3;
}

/** Without letters that look alike. */
const ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";
const GROUPS = 6;
const GROUP_LENGTH = 4;

/** Six groups of four letters: 118 bits, easy to read out and to write down. */
export function makePassphrase(): string {
  const letters: string[] = [];
  const bytes = new Uint8Array(1);
  while (letters.length < GROUPS * GROUP_LENGTH) {
    crypto.getRandomValues(bytes);
    // The bytes that would make the first letters likelier are thrown away.
    const byte = bytes[0] ?? 255;
    const letter = byte < 256 - (256 % ALPHABET.length) ? ALPHABET[byte % ALPHABET.length] : undefined;
    if (letter !== undefined) letters.push(letter);
  }
  return Array.from({ length: GROUPS }, (_, group) =>
    letters.slice(group * GROUP_LENGTH, (group + 1) * GROUP_LENGTH).join(""),
  ).join("-");
}
