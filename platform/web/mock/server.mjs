/**
 * Serves both built apps with the headers of the real server, over made-up data. For looking at the screens only.
 *
 *   npm run build && npm run mock      then http://lakeside.localhost:4173 and http://lakeside-staff.localhost:4174
 *
 * MOCK_FIXTURE=FILE writes the addresses and sign-ins that the browser journeys read.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { answer, newFlow, Refusal } from "./api.mjs";
import { accounts } from "./data.mjs";

const here = import.meta.dirname;
const PORTS = { portal: Number(process.env.MOCK_PORT ?? 4173), console: Number(process.env.MOCK_PORT ?? 4173) + 1 };
const ORIGINS = { portal: `http://lakeside.localhost:${PORTS.portal}`, console: `http://lakeside-staff.localhost:${PORTS.console}` };
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const HEADERS = {
  "content-security-policy": "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types default",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

const cookiesOf = (header = "") => Object.fromEntries(header.split("; ").filter(Boolean).map((pair) => pair.split(/=(.*)/s).slice(0, 2)));

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
}

async function callApi(audience, request, response, url) {
  const set = [];
  const context = {
    audience, cookies: cookiesOf(request.headers.cookie), body: await bodyOf(request), query: Object.fromEntries(url.searchParams), csrf: request.headers["x-csrf-token"], agent: request.headers["user-agent"] ?? "",
    set: (cookie) => set.push(cookie),
  };
  try {
    const body = answer(request.method, url.pathname.slice("/api/v1".length), context);
    if (context.clear) response.setHeader("clear-site-data", '"cache", "cookies", "storage"');
    if (set.length > 0) response.setHeader("set-cookie", set);
    response.writeHead(context.status ?? (body === undefined ? 204 : 200), { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  } catch (failure) {
    if (!(failure instanceof Refusal)) throw failure;
    failure.extra.after?.();
    if (failure.extra.retryAfter) response.setHeader("retry-after", failure.extra.retryAfter);
    response.writeHead(failure.status, { "content-type": "application/problem+json", "cache-control": "no-store" });
    response.end(JSON.stringify({ type: "about:blank", title: failure.code, status: failure.status, code: failure.code, request_id: "0192f0c1-mock", errors: failure.extra.errors ?? [] }));
  }
}

function serveFile(audience, response, path) {
  const dist = join(here, "..", audience, "dist");
  const file = join(dist, normalize(path));
  if (path.startsWith("/assets/")) {
    if (!existsSync(file)) return void response.writeHead(404, HEADERS).end();
    return void response.writeHead(200, { ...HEADERS, "content-type": TYPES[extname(file)] ?? "application/octet-stream", "cache-control": "public, max-age=31536000, immutable" }).end(readFileSync(file));
  }
  const cookies = path === "/sign-in" || path === "/activate" ? { "set-cookie": `__Host-cloister-flow=${newFlow(path === "/activate" ? "activate_identity" : "password")}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600` } : {};
  response.writeHead(200, { ...HEADERS, ...cookies, "content-type": TYPES[".html"], "cache-control": "no-store" }).end(readFileSync(join(dist, "index.html")));
}

for (const audience of ["portal", "console"]) {
  createServer((request, response) => {
    const url = new URL(request.url ?? "/", ORIGINS[audience]);
    if (url.pathname.startsWith("/api/v1/")) {
      callApi(audience, request, response, url).catch((failure) => {
        console.error(failure);
        response.writeHead(500).end();
      });
    } else serveFile(audience, response, url.pathname);
  }).listen(PORTS[audience], "127.0.0.1", () => console.log(`${audience}: ${ORIGINS[audience]}`));
}

if (process.env.MOCK_FIXTURE) {
  const [patient, clinician, admin] = accounts.map(({ email, password, totp_secret }) => ({ email, password, totp_secret }));
  writeFileSync(process.env.MOCK_FIXTURE, JSON.stringify({ portal_origin: ORIGINS.portal, console_origin: ORIGINS.console, patient, clinician, admin }));
}
