import { act, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { renderInApp } from "../testing/render";
import { fakeServer, signedInSession } from "../testing/server";
import { TimeoutWarning } from "./timeout";

beforeEach(() => void vi.useFakeTimers({ shouldAdvanceTime: true }));
afterEach(() => void vi.useRealTimers());

async function opened(session: ReturnType<typeof signedInSession>) {
  const server = fakeServer({ "POST /session/keep-alive": () => ({ body: signedInSession() }), "DELETE /session": { status: 204 } });
  const app = await renderInApp(<TimeoutWarning />, server);
  act(() => app.cloister.session.accept(session));
  return { server, ...app };
}

it("says nothing while there is time", async () => {
  await opened(signedInSession());
  expect(screen.queryByRole("alertdialog")).toBeNull();
});

it("tells the time left and lets the person stay", async () => {
  const { server, cloister } = await opened(signedInSession({ idleMinutes: 1.9 }));
  expect(screen.getByRole("alertdialog")).toHaveTextContent("2 minutes");
  await userEvent.setup({ advanceTimers: vi.advanceTimersByTime }).click(screen.getByRole("button", { name: "Stay signed in" }));
  await vi.waitFor(() => expect(screen.queryByRole("alertdialog")).toBeNull());
  expect(server.calls).toMatchObject([{ method: "POST", path: "/session/keep-alive", csrf: "csrf-1" }]);
  expect(cloister.session.remaining()?.idle).toBeGreaterThan(14 * 60_000);
});

it("ends the session here and at the server when time is over", async () => {
  const { server, cloister } = await opened(signedInSession({ idleMinutes: 0.5 }));
  await act(() => vi.advanceTimersByTimeAsync(31_000));
  expect(cloister.session.ended()?.reason).toBe("timed_out");
  expect(server.calls).toMatchObject([{ method: "DELETE", path: "/session", csrf: "csrf-1" }]);
});

it("does not offer to stay at the longest time a session may last", async () => {
  await opened(signedInSession({ absoluteMinutes: 3 }));
  expect(screen.queryByRole("button", { name: "Stay signed in" })).toBeNull();
  expect(screen.getByRole("alertdialog")).toHaveTextContent("3 minutes");
});
