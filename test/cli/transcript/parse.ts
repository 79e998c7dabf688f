// Reads transcripts: Markdown files whose `console` blocks show commands and what they print.
//
//   $ command        run by bash; standard output and standard error as they come
//   > more of it     further lines of the command
//   % command        the same on a real terminal (a pty), as its screen looks in the end
//   >>> text         typed, with Enter, once the terminal shows exactly what stands above; `^C` is Ctrl-C, `^M` Enter alone
//   [exit 2]         the exit code, if it is not 0
//   [..]             anything, within a line
//   ...              any number of lines

export interface TranscriptStep {
  readonly command: string;
  readonly onTerminal: boolean;
  /** What is typed, each with the lines that the terminal shows by then. */
  readonly typed: readonly { readonly text: string; readonly after: string }[];
  readonly expected: string;
  readonly exitCode: number;
}

export interface TranscriptCase {
  /** The heading above the block. */
  readonly title: string;
  readonly steps: readonly TranscriptStep[];
}

/** One case a heading, with the steps of all `console` blocks under it. */
export function parseTranscript(markdown: string): TranscriptCase[] {
  const cases: { title: string; steps: TranscriptStep[] }[] = [];
  for (const section of markdown.split(/^## /m).slice(1)) {
    const [title = "", ...rest] = section.split("\n");
    const blocks = [...rest.join("\n").matchAll(/^```console\n(.*?)^```$/gms)].map((match) => match[1] ?? "");
    cases.push({ title, steps: blocks.flatMap(parseBlock) });
  }
  return cases;
}

function parseBlock(block: string): TranscriptStep[] {
  return block
    .split(/^(?=[$%] )/m)
    .filter((text) => text.trim() !== "")
    .map(parseStep);
}

function parseStep(text: string): TranscriptStep {
  const [first = "", ...following] = text.trimEnd().split("\n");
  const continued = following.findIndex((line) => !line.startsWith("> "));
  const lines = continued === -1 ? [] : following.slice(continued);
  const command = [first, ...following.slice(0, following.length - lines.length)];
  const expected: string[] = [];
  const typed: { text: string; after: string }[] = [];
  let exitCode = 0;
  for (const line of lines) {
    const exit = /^\[exit (\d+)\]$/.exec(line);
    if (exit !== null) exitCode = Number(exit[1]);
    else if (line.startsWith(">>> ")) typed.push({ text: line.slice(4), after: expected.join("\n") });
    else expected.push(line);
  }
  return {
    command: command.map((line) => line.slice(2)).join("\n"),
    onTerminal: first.startsWith("%"),
    typed,
    expected: expected.join("\n"),
    exitCode,
  };
}

/** Whether the text is what a transcript expects, placeholders allowed for. Space at the ends of lines does not count. */
export function matches(expected: string, actual: string): boolean {
  const pattern = expected
    .split("\n")
    .map((line, at) => {
      if (line === "...") return String.raw`(?:\n.*)*?`;
      const text = line.trimEnd().split("[..]").map(escaped).join(".*");
      return at === 0 ? text : `\n${text}`;
    })
    .join("");
  // A leading `...` leaves the text without the line's end that its first line would follow.
  return new RegExp(`^(?:${pattern})$`).test(expected.startsWith("...") ? `\n${actual}` : actual);
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}
