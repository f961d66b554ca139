import { createContext, useContext, useSyncExternalStore, type ReactNode } from "react";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createApiClient, type ApiClient } from "../api/client";
import type { Session } from "../api/types";
import { SessionStore, type End } from "../session/store";

/** What one open tab holds: the session, the API client and the answers it has read. All of it in memory. */
export interface Cloister {
  session: SessionStore;
  api: ApiClient;
  queries: QueryClient;
}

export function createCloister(fetcher?: (request: Request) => Promise<Response>): Cloister {
  const session = new SessionStore();
  const queries = new QueryClient({
    defaultOptions: {
      queries: { retry: false, staleTime: 30_000, refetchOnWindowFocus: false, refetchOnReconnect: false, networkMode: "always" },
      mutations: { retry: false, networkMode: "always" },
    },
  });
  session.subscribe(() => {
    if (session.ended()) queries.clear();
  });
  return { session, api: createApiClient(session, fetcher), queries };
}

const CloisterContext = createContext<Cloister | null>(null);

export function CloisterProvider({ value, children }: { value: Cloister; children: ReactNode }) {
  return (
    <CloisterContext.Provider value={value}>
      <QueryClientProvider client={value.queries}>{children}</QueryClientProvider>
    </CloisterContext.Provider>
  );
}

export function useCloister(): Cloister {
  const value = useContext(CloisterContext);
  if (!value) throw new Error("useCloister needs a CloisterProvider");
  return value;
}

export function useSession(): Session {
  const { session } = useCloister();
  return useSyncExternalStore(session.subscribe, session.current);
}

/** Set once the session of this tab has ended. */
export function useSessionEnd(): End | null {
  const { session } = useCloister();
  return useSyncExternalStore(session.subscribe, session.ended);
}
