import type { Session } from "../api/types";

/** Why a session ended, shown on the sign-in page that follows. */
export type EndReason = "signed_out" | "timed_out";

/** The end of a session; `settled` resolves once the server has heard of it, after which the page may be left. */
export interface End {
  reason: EndReason;
  settled: Promise<unknown>;
}

const ANONYMOUS: Session = { state: "anonymous", now: new Date(0).toISOString() };

type SharedMessage = { kind: "activity"; idleExpiresAt: number } | { kind: "ended"; reason: EndReason };

/**
 * The session as this tab knows it, in memory only.
 *
 * Times are kept on the server's clock: the difference between its `now` and the browser's clock is taken whenever a
 * session arrives. Tabs of the same host tell each other about activity and about the end, never about the session.
 */
export class SessionStore {
  #session: Session = ANONYMOUS;
  #skew = 0;
  #idleWindow = 0;
  #idleExpiresAt: number | null = null;
  #ended: End | null = null;
  readonly #listeners = new Set<() => void>();
  readonly #channel: BroadcastChannel | null;

  constructor(channelName = "cloister-session") {
    this.#channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(channelName);
    this.#channel?.addEventListener("message", (event: MessageEvent<SharedMessage>) => this.#hear(event.data));
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly current = (): Session => this.#session;

  get csrfToken(): string | null {
    return this.#session.csrf_token ?? null;
  }

  get signedIn(): boolean {
    return this.#session.state === "signed_in";
  }

  /** Set once the session has ended in this tab; nothing but the sign-in page may be shown after that. */
  readonly ended = (): End | null => this.#ended;

  /** Takes the session that the server has just sent. */
  accept(session: Session): void {
    const now = Date.parse(session.now);
    this.#skew = now - Date.now();
    this.#session = session;
    this.#idleExpiresAt = session.idle_expires_at == null ? null : Date.parse(session.idle_expires_at);
    if (this.#idleExpiresAt !== null) this.#idleWindow = Math.max(this.#idleWindow, this.#idleExpiresAt - now);
    if (session.state === "signed_in") this.#shareActivity();
    this.#changed();
  }

  /** The server has just answered a call of this session, so its idle time starts anew. */
  noteActivity(): void {
    if (this.#idleExpiresAt === null) return;
    this.#idleExpiresAt = this.#serverNow() + this.#idleWindow;
    this.#shareActivity();
  }

  /** Milliseconds until the session ends by idleness and by its total length; null when not signed in. */
  remaining(): { idle: number; absolute: number } | null {
    if (!this.signedIn || this.#idleExpiresAt === null) return null;
    const now = this.#serverNow();
    const absolute = this.#session.absolute_expires_at;
    return { idle: this.#idleExpiresAt - now, absolute: absolute == null ? Infinity : Date.parse(absolute) - now };
  }

  /** Forgets the session here and in the other tabs. */
  end(reason: EndReason, settled: Promise<unknown> = Promise.resolve()): void {
    if (this.#ended) return;
    this.#channel?.postMessage({ kind: "ended", reason } satisfies SharedMessage);
    this.#forget({ reason, settled });
  }

  #forget(end: End): void {
    this.#session = ANONYMOUS;
    this.#idleExpiresAt = null;
    this.#ended = end;
    this.#changed();
  }

  #hear(message: SharedMessage): void {
    if (!this.signedIn) return;
    if (message.kind === "ended") this.#forget({ reason: message.reason, settled: Promise.resolve() });
    else if (this.#idleExpiresAt !== null) this.#idleExpiresAt = Math.max(this.#idleExpiresAt, message.idleExpiresAt);
  }

  #shareActivity(): void {
    if (this.#idleExpiresAt === null) return;
    this.#channel?.postMessage({ kind: "activity", idleExpiresAt: this.#idleExpiresAt } satisfies SharedMessage);
  }

  #serverNow(): number {
    return Date.now() + this.#skew;
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
