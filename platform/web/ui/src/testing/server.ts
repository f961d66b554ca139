/** Answers of an API held in the hand, for tests. */
export interface Call {
  method: string;
  path: string;
  body: unknown;
  csrf: string | null;
}

type Reply = { status?: number; body?: unknown; headers?: Record<string, string> };
type Replies = Record<string, Reply | ((call: Call) => Reply)>;

/** A fetcher that answers by "METHOD /path" and remembers what was asked; anything else is a network failure. */
export function fakeServer(replies: Replies) {
  const calls: Call[] = [];
  const fetcher = async (request: Request): Promise<Response> => {
    const path = new URL(request.url).pathname.replace("/api/v1", "");
    const text = await request.text();
    const call: Call = { method: request.method, path, body: text === "" ? null : JSON.parse(text), csrf: request.headers.get("x-csrf-token") };
    calls.push(call);
    const found = replies[`${call.method} ${path}`];
    if (!found) throw new TypeError("network");
    const { status = 200, body, headers = {} } = typeof found === "function" ? found(call) : found;
    return new Response(body === undefined ? null : JSON.stringify(body), { status, headers: { "content-type": "application/json; charset=utf-8", ...headers } });
  };
  return { calls, fetcher, replies };
}

export const problem = (status: number, code: string, rest: { errors?: unknown[]; headers?: Record<string, string> } = {}): Reply => ({
  status,
  body: { type: "about:blank", title: code, status, code, request_id: "r-1", errors: rest.errors ?? [] },
  headers: { "content-type": "application/problem+json", ...rest.headers },
});

const MINUTE = 60_000;

/** A signed-in session, on a server whose clock may differ from the browser's. */
export function signedInSession(parts: { skew?: number; idleMinutes?: number; absoluteMinutes?: number; csrf?: string } = {}) {
  const now = Date.now() + (parts.skew ?? 0);
  const at = (minutes: number) => new Date(now + minutes * MINUTE).toISOString();
  return {
    state: "signed_in" as const,
    step: null,
    csrf_token: parts.csrf ?? "csrf-1",
    user: { id: "u", display_name: "Ana María Núñez", kind: "patient" as const, roles: ["patient"] },
    now: at(0),
    idle_expires_at: at(parts.idleMinutes ?? 15),
    absolute_expires_at: at(parts.absoluteMinutes ?? 480),
    step_up_until: null,
    last_sign_in_at: null,
  };
}

export const flowSession = (step: "password" | "totp" = "password") => ({ state: "flow" as const, step, csrf_token: "flow-csrf", user: null, now: new Date().toISOString() });

export const clinic = {
  name: "Lakeside Family Medicine",
  slug: "lakeside",
  audience: "portal" as const,
  colors: { brand: "#114b46", on_brand: "#ffffff" },
  logo_url: null,
  time_zone: "America/Chicago",
  default_locale: "en" as const,
};
