// The order in which test files begin. Vitest takes the largest first, for it cannot know how long they take where nothing is kept of
// earlier runs; those that are short to read and long to run come before them here, so that none is left running alone at the end.
import { BaseSequencer, type TestSpecification } from "vitest/node";

const LONG = [
  "test/cli/transcripts.test.ts",
  "test/cli/package.test.ts",
  "test/cli/verification-page.test.ts",
];

export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => LONG.some((file) => moduleId.endsWith(file));
    // oxlint-disable-next-line unicorn/no-array-sort -- not an array's
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}
