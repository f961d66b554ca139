import type { ReactNode } from "react";
import { createMemoryHistory, createRootRoute, createRouter, RouterProvider } from "@tanstack/react-router";
import { render } from "@testing-library/react";
import { ClinicProvider } from "../clinic/context";
import { LanguageProvider } from "../language/provider";
import { CloisterProvider, createCloister } from "../shell/context";
import { clinic, type fakeServer } from "./server";

/** Renders a part of the app as it stands within it: language, clinic, session, client, router. */
export async function renderInApp(ui: ReactNode, server: ReturnType<typeof fakeServer>, parts: { path?: string; audience?: "portal" | "console" } = {}) {
  const cloister = createCloister(server.fetcher);
  const root = createRootRoute({ component: () => ui });
  const router = createRouter({ routeTree: root, history: createMemoryHistory({ initialEntries: [parts.path ?? "/"] }) });
  await router.load();
  const view = render(
    <LanguageProvider>
      <CloisterProvider value={cloister}>
        <ClinicProvider value={{ ...clinic, audience: parts.audience ?? "portal" }}>
          <RouterProvider router={router as never} />
        </ClinicProvider>
      </CloisterProvider>
    </LanguageProvider>,
  );
  return { cloister, router, ...view };
}
