import createClient, { type Client } from "openapi-fetch";
import { Problem } from "./problem";
import type { paths } from "./schema";
import type { SessionStore } from "../session/store";

export type ApiClient = Client<paths>;

/**
 * The typed client of the platform API.
 *
 * Sends the CSRF token with every call that changes something, tells the session store of each answered call (the
 * server counts those as activity) and ends the session in memory when the server no longer knows it.
 */
export function createApiClient(session: SessionStore, fetcher?: (request: Request) => Promise<Response>): ApiClient {
  const client = createClient<paths>({
    baseUrl: window.location.origin,
    credentials: "same-origin",
    cache: "no-store",
    ...(fetcher ? { fetch: fetcher } : {}),
  });
  client.use({
    onRequest({ request }) {
      const token = session.csrfToken;
      if (request.method !== "GET" && token) request.headers.set("X-CSRF-Token", token);
      return request;
    },
    onResponse({ response }) {
      if (!session.signedIn) return;
      if (response.status === 401) session.end("timed_out");
      else if (response.ok) session.noteActivity();
    },
  });
  return client;
}

interface Outcome<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a successful answer; every other outcome is thrown as a {@link Problem}. */
export async function answer<T>(call: Promise<Outcome<T>>): Promise<T> {
  let outcome: Outcome<T>;
  try {
    outcome = await call;
  } catch {
    throw new Problem({ status: 0, code: "client.offline" });
  }
  if (!outcome.response.ok) throw Problem.from(outcome.response, outcome.error);
  return outcome.data as T;
}
