// Ends one running statement on the server: asks, asks again, and at last takes the backend away.

/** A request to cancel that arrives before its statement has started does nothing, so it is repeated. */
const REPEAT_MS = 200;
/** A statement that has not ended by then is not going to. */
const PATIENCE_MS = 1_000;

export class Canceller {
  readonly #cancel: () => Promise<void>;
  readonly #terminate: () => void;
  #timer: NodeJS.Timeout | undefined;
  #request: Promise<void> = Promise.resolve();
  #giveUpAt: number | undefined;
  #stopped = false;

  /**
   * @param cancel asks for the statement to be cancelled; resolves when the server has taken note, and never rejects
   * @param terminate ends the backend, and with it the statement
   */
  constructor(cancel: () => Promise<void>, terminate: () => void) {
    this.#cancel = cancel;
    this.#terminate = terminate;
  }

  /** Starts asking, unless it has already or the statement has ended. */
  start(): void {
    if (this.#stopped || this.#giveUpAt !== undefined) return;
    this.#giveUpAt = performance.now() + PATIENCE_MS;
    this.#ask(this.#giveUpAt);
  }

  #ask(giveUpAt: number): void {
    if (performance.now() >= giveUpAt) {
      this.#terminate();
      return;
    }
    this.#request = this.#cancel();
    this.#timer = setTimeout(() => this.#ask(giveUpAt), REPEAT_MS);
  }

  /** The statement has ended. To be awaited before the next one, so that no request that is under way hits that. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#request;
  }
}
