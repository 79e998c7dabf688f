// Several acts at once that make sense only together.

/**
 * Waits for all of them. When one fails the others are told to stop, and waited for: nothing is running any more when
 * this rejects, with what failed first.
 * @param stop aborted at the first failure; the acts are to heed its signal
 */
export async function allOrNone<T>(stop: AbortController, acts: readonly Promise<T>[]): Promise<T[]> {
  const failures: unknown[] = [];
  const watched = acts.map((act) =>
    act.catch((error: unknown) => {
      failures.push(error);
      stop.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(watched);
  if (failures.length > 0) throw failures[0];
  return Promise.all(watched);
}
