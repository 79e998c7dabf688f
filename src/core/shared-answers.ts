// One answer for all who ask the same within a moment: what many subscriptions look at again and again is looked at once.

/**
 * @param ask may fail: then all who wait for this answer are told so, and the next one asks anew
 * @param maxAgeMs how old an answer may be that somebody is given
 */
export function shareAnswers<T>(
  ask: (key: string) => Promise<T>,
  maxAgeMs: number,
): (key: string) => Promise<T> {
  const answers = new Map<string, Promise<T>>();
  return (key) => {
    const present = answers.get(key);
    if (present !== undefined) return present;
    const answer = ask(key);
    answers.set(key, answer);
    const forget = (): void => void answers.delete(key);
    // Its age counts from the question: what changes while it is on its way may not be in it.
    const timer = setTimeout(forget, maxAgeMs);
    timer.unref();
    answer.catch(() => {
      clearTimeout(timer);
      forget();
    });
    return answer;
  };
}
