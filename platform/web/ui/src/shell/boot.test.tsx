import { act, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { LanguageProvider } from "../language/provider";
import { CloisterProvider, createCloister } from "./context";
import { clinic, fakeServer, flowSession, problem, signedInSession } from "../testing/server";
import { createMemoryHistory, createRootRoute, createRouter, RouterProvider } from "@tanstack/react-router";
import { render } from "@testing-library/react";
import { Boot } from "./boot";

const replace = vi.fn();
beforeEach(() => {
  replace.mockReset();
  vi.stubGlobal("location", { ...window.location, origin: window.location.origin, replace });
});
afterEach(() => vi.unstubAllGlobals());

async function boot(path: string, replies: Parameters<typeof fakeServer>[0]) {
  const server = fakeServer(replies);
  const cloister = createCloister(server.fetcher);
  const root = createRootRoute({ component: () => <Boot signedIn={<p>{"record"}</p>} visitor={<p>{"sign-in form"}</p>} />, notFoundComponent: () => null });
  const router = createRouter({ routeTree: root, history: createMemoryHistory({ initialEntries: [path] }), defaultNotFoundComponent: () => null });
  render(
    <LanguageProvider>
      <CloisterProvider value={cloister}>
        <RouterProvider router={router as never} />
      </CloisterProvider>
    </LanguageProvider>,
  );
  return { server, cloister };
}

it("sends a visitor to sign in after a single anonymous call", async () => {
  const { server } = await boot("/results", { "GET /session": { body: { state: "anonymous", now: new Date().toISOString() } } });
  await vi.waitFor(() => expect(replace).toHaveBeenCalledWith("/sign-in"));
  expect(server.calls).toHaveLength(1);
});

it("sends a visitor to sign in even where the clinic's network has used up its anonymous calls", async () => {
  await boot("/", { "GET /session": problem(429, "request.rate_limited") });
  await vi.waitFor(() => expect(replace).toHaveBeenCalledWith("/sign-in"));
});

it("shows the sign-in form within a flow", async () => {
  await boot("/sign-in", { "GET /session": { body: flowSession() }, "GET /clinic": { body: clinic } });
  expect(await screen.findByText("sign-in form")).toBeVisible();
});

it("explains a browser that keeps no cookie, and does not loop", async () => {
  await boot("/sign-in", { "GET /session": { body: { state: "anonymous", now: new Date().toISOString() } }, "GET /clinic": { body: clinic } });
  expect(await screen.findByText("Your browser is not keeping this page’s cookie")).toBeVisible();
  expect(replace).not.toHaveBeenCalled();
});

it("shows the record until the session ends, and nothing after that", async () => {
  const { cloister } = await boot("/", { "GET /session": { body: signedInSession() }, "GET /clinic": { body: clinic } });
  expect(await screen.findByText("record")).toBeVisible();
  cloister.queries.setQueryData(["record"], { name: "Ana" });
  act(() => cloister.session.end("timed_out"));
  expect(screen.queryByText("record")).toBeNull();
  expect(cloister.queries.getQueryData(["record"])).toBeUndefined();
  await vi.waitFor(() => expect(replace).toHaveBeenCalledWith("/sign-in?ended=timed_out"));
});

it("says that the service is away, and with which reference", async () => {
  await boot("/sign-in", { "GET /session": problem(503, "service.unavailable") });
  expect(await screen.findByRole("heading", { level: 1, name: "The service is not available right now" })).toBeVisible();
  expect(screen.getByText("Reference: r-1")).toBeVisible();
});
