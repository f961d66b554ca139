import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { signedInSession } from "../testing/server";
import { SessionStore } from "./store";
import { nearEnd } from "./timeout";

const MINUTE = 60_000;

describe("the session in memory", () => {
  beforeEach(() => void vi.useFakeTimers({ now: new Date("2026-03-01T12:00:00Z") }));
  afterEach(() => void vi.useRealTimers());

  it("counts on the server's clock when the browser's is an hour behind", () => {
    const store = new SessionStore();
    store.accept(signedInSession({ skew: 60 * MINUTE }));
    expect(store.remaining()?.idle).toBe(15 * MINUTE);
  });

  it("starts its idle time anew with each answered call", () => {
    const store = new SessionStore();
    store.accept(signedInSession());
    vi.advanceTimersByTime(14 * MINUTE);
    store.noteActivity();
    expect(store.remaining()?.idle).toBe(15 * MINUTE);
    expect(store.remaining()?.absolute).toBe(466 * MINUTE);
  });

  it("forgets everything at its end", () => {
    const store = new SessionStore();
    store.accept(signedInSession());
    store.end("signed_out");
    expect(store.signedIn).toBe(false);
    expect(store.csrfToken).toBeNull();
    expect(store.current().user).toBeUndefined();
    expect(store.ended()?.reason).toBe("signed_out");
  });
});

describe("the end of a session", () => {
  it("is not near with ten minutes left", () => {
    expect(nearEnd({ idle: 10 * MINUTE, absolute: 100 * MINUTE })).toBeNull();
  });

  it("is told two minutes before idleness ends it", () => {
    expect(nearEnd({ idle: 2 * MINUTE, absolute: 100 * MINUTE })).toEqual({ cause: "idle", left: 2 * MINUTE });
  });

  it("is told as final where staying is not possible", () => {
    expect(nearEnd({ idle: 15 * MINUTE, absolute: 4 * MINUTE })).toEqual({ cause: "absolute", left: 4 * MINUTE });
  });
});

it("tabs tell each other of the end, but never the session", async () => {
  const [one, other] = [new SessionStore("tabs"), new SessionStore("tabs")];
  const heard: unknown[] = [];
  const listener = new BroadcastChannel("tabs");
  listener.onmessage = (event) => heard.push(event.data);
  one.accept(signedInSession({ csrf: "secret-token" }));
  other.accept(signedInSession({ csrf: "secret-token" }));
  one.end("signed_out");
  await vi.waitFor(() => expect(other.ended()?.reason).toBe("signed_out"));
  expect(JSON.stringify(heard)).not.toContain("secret-token");
  listener.close();
});
