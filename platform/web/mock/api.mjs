/** The HTTP API of the contract over the made-up data, as far as the screens need it. */
import { randomBytes, randomUUID } from "node:crypto";
import * as data from "./data.mjs";
import { currentStep, totp } from "./totp.mjs";

const IDLE = Number(process.env.MOCK_IDLE_SECONDS ?? 900) * 1000;
const ABSOLUTE = Number(process.env.MOCK_ABSOLUTE_SECONDS ?? 8 * 3600) * 1000;

export class Refusal extends Error {
  constructor(status, code, extra = {}) {
    super(code);
    Object.assign(this, { status, code, extra });
  }
}
const refuse = (status, code, extra) => {
  throw new Refusal(status, code, extra);
};

const sessions = new Map();
const flows = new Map();
const lastStep = new Map();
const iso = (at) => new Date(at).toISOString();

export const newFlow = (step) => {
  const id = randomUUID();
  flows.set(id, { step, csrf: randomUUID(), failures: 0 });
  return id;
};

function newSession(account, agent) {
  const token = randomUUID();
  sessions.set(token, { id: randomUUID(), account, csrf: randomUUID(), started: Date.now(), seen: Date.now(), stepUp: 0, agent });
  return token;
}

function sessionOf(context) {
  const session = sessions.get(context.cookies["__Host-cloister"]);
  if (!session || session.account.audience !== context.audience) return null;
  if (Date.now() > Math.min(session.seen + IDLE, session.started + ABSOLUTE)) return null;
  return session;
}

function view(session) {
  return {
    state: "signed_in", step: null, csrf_token: session.csrf, user: { id: session.account.id, display_name: session.account.display_name, kind: session.account.kind, roles: session.account.roles },
    now: iso(Date.now()), idle_expires_at: iso(session.seen + IDLE), absolute_expires_at: iso(session.started + ABSOLUTE), step_up_until: session.stepUp ? iso(session.stepUp) : null, last_sign_in_at: iso(session.started - 5 * 86_400_000),
  };
}

function checkCode(account, code) {
  const step = [currentStep(), currentStep() + 1, currentStep() - 1].find((candidate) => totp(account.totp_secret, candidate) === code);
  if (step === undefined || step <= (lastStep.get(account.id) ?? 0)) return false;
  lastStep.set(account.id, step);
  return true;
}

function open(context, account) {
  const token = newSession(account, context.agent);
  context.set(`__Host-cloister=${token}; Path=/; Secure; HttpOnly; SameSite=Strict`);
  return view(sessions.get(token));
}

const page = (items, { limit, cursor }) => {
  const from = Number(cursor ?? 0);
  const to = from + Number(limit ?? 50);
  return { items: items.slice(from, to), next_cursor: to < items.length ? String(to) : null };
};
const forRoles = (session, ...roles) => session.account.roles.some((role) => roles.includes(role)) || refuse(403, "access.denied");
const freshly = (session) => session.stepUp > Date.now() || refuse(403, "access.step_up_required");
const clinicCode = () => randomBytes(5).toString("hex").toUpperCase().replace(/(.{5})/, "$1-");
const created = () => ({ id: randomUUID(), created_at: iso(Date.now()), expires_at: iso(Date.now() + 7 * 86_400_000) });
const member = (id) => data.panel.find(({ patient_id }) => patient_id === id) ?? refuse(404, "record.not_found");

const visitor = {
  "GET /clinic": ({ audience }) => ({ ...data.CLINIC, audience }),
  "GET /session": (context) => {
    const session = sessionOf(context);
    if (session) return (session.seen = Date.now()), view(session);
    const flow = flows.get(context.cookies["__Host-cloister-flow"]);
    return { state: flow ? "flow" : "anonymous", step: flow?.step ?? null, csrf_token: flow?.csrf ?? null, user: null, now: iso(Date.now()), idle_expires_at: null, absolute_expires_at: null, step_up_until: null, last_sign_in_at: null };
  },
  "POST /sign-in/password": ({ flow, audience, body }) => {
    if (flow.failures >= 5) refuse(429, "sign_in.locked", { retryAfter: 1740 });
    const account = data.accounts.find((one) => one.audience === audience && one.email === body.email && one.password === body.password);
    if (!account) refuse(401, "sign_in.refused", { after: () => flow.failures++ });
    Object.assign(flow, { step: "totp", account });
    return { step: "totp" };
  },
  "POST /sign-in/totp": (context) => (context.flow.account && checkCode(context.flow.account, context.body.code) ? open(context, context.flow.account) : refuse(401, "sign_in.refused")),
  "POST /sign-in/recovery-code": (context) => (context.flow.account && context.body.code === "AAAABBBB" ? open(context, context.flow.account) : refuse(401, "sign_in.refused")),
  "POST /activation/identity": ({ flow, body, audience }) => {
    if (body.clinic_code !== "LAKE1234" || (audience === "portal" && body.birth_date !== "1962-03-28")) refuse(401, "activation.refused");
    flow.step = "activate_password";
    return { step: "activate_password", kind: audience === "portal" ? "patient" : "staff", email_hint: "n•••@example.com", min_length: 15 };
  },
  "POST /activation/password": ({ flow, body }) => {
    const code = body.password.length < 15 ? "password.too_short" : /password/i.test(body.password) ? "password.breached" : null;
    if (code) refuse(422, "password.refused", { errors: [{ field: "password", code, reason: "refused" }] });
    flow.step = "activate_totp";
    return { step: "activate_totp" };
  },
  "POST /activation/totp": ({ flow }) => {
    flow.account = { ...data.accounts[0], id: randomUUID(), totp_secret: "NBSWY3DPO5XXE3DENBSWY3DPO5XXE3DE", display_name: "Noor Haddad" };
    return { secret: flow.account.totp_secret, otpauth_uri: `otpauth://totp/Lakeside%20Family%20Medicine:n?secret=${flow.account.totp_secret}&issuer=Lakeside%20Family%20Medicine` };
  },
  "POST /activation/totp/confirm": (context) => {
    if (!checkCode(context.flow.account, context.body.code)) refuse(401, "activation.refused");
    return { recovery_codes: Array.from({ length: 10 }, () => randomBytes(5).toString("hex").replace(/(.{5})/, "$1-")), session: open(context, context.flow.account) };
  },
};

const signedIn = {
  "POST /session/keep-alive": ({ session }) => view(session),
  "POST /session/step-up": (context) => {
    if (!checkCode(context.session.account, context.body.code)) refuse(403, "session.step_up_refused");
    context.session.stepUp = Date.now() + 300_000;
    return view(context.session);
  },
  "DELETE /session": (context) => {
    sessions.delete(context.cookies["__Host-cloister"]);
    context.clear = true;
  },
  "GET /sessions": ({ session }) => ({
    items: [...sessions.values()].filter((one) => one.account.id === session.account.id).map((one) => ({ id: one.id, current: one === session, started_at: iso(one.started), last_seen_at: iso(one.seen), user_agent: one.agent, source: "203.0.113.7" }))
      .concat(session.othersGone ? [] : [{ id: "other", current: false, started_at: iso(Date.now() - 7_200_000), last_seen_at: iso(Date.now() - 3_600_000), user_agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1", source: "198.51.100.23" }]),
  }),
  "DELETE /sessions": ({ session }) => void (session.othersGone = true),
  "DELETE /sessions/{}": ({ session }) => void (session.othersGone = true),
  "GET /record": ({ session }) => (forRoles(session, "patient"), { ...recordOfPatient(), name: session.account.display_name }),
  "GET /record/results": ({ session, query }) => (forRoles(session, "patient"), page(data.results.map(data.summary), query)),
  "GET /record/results/{}": ({ session, ids }) => (forRoles(session, "patient"), data.resultWithHistory(ids[0]) ?? refuse(404, "result.not_found")),
  "GET /panel": ({ session, query }) => (forRoles(session, "clinician"), page(data.panel, query)),
  "GET /patients/{}": ({ session, ids }) => (forRoles(session, "clinician"), data.recordOf(member(ids[0]))),
  "GET /patients/{}/results": ({ session, ids, query }) => (forRoles(session, "clinician"), member(ids[0]), page(data.results.map(data.summary), query)),
  "GET /patients/{}/results/{}": ({ session, ids }) => (forRoles(session, "clinician"), data.resultWithHistory(ids[1]) ?? refuse(404, "result.not_found")),
  "GET /patients/{}/invitations": ({ ids }) => ({ items: data.invitationsOf.get(ids[0]) ?? [] }),
  "POST /patients/{}/invitations": (context) => {
    const invitation = { ...created(), status: "pending", email_hint: `${context.body.email[0]}•••@${context.body.email.split("@")[1]}` };
    data.invitationsOf.set(context.ids[0], [invitation, ...(data.invitationsOf.get(context.ids[0]) ?? [])]);
    context.status = 201;
    return { id: invitation.id, clinic_code: clinicCode(), expires_at: invitation.expires_at };
  },
  "DELETE /invitations/{}": ({ ids }) => {
    for (const invitation of [...data.invitationsOf.values()].flat().concat(data.staffInvitations)) if (invitation.id === ids[0]) invitation.status = "revoked";
  },
  "DELETE /staff-invitations/{}": (context) => signedIn["DELETE /invitations/{}"](context),
  "PUT /patients/{}/panel-members/{}": ({ session }) => void forRoles(session, "admin"),
  "DELETE /patients/{}/panel-members/{}": ({ session }) => void forRoles(session, "admin"),
  "GET /staff": ({ session }) => (forRoles(session, "admin"), { items: data.staff }),
  "GET /staff-invitations": ({ session }) => (forRoles(session, "admin"), { items: data.staffInvitations }),
  "POST /staff-invitations": (context) => {
    forRoles(context.session, "admin"), freshly(context.session);
    const invitation = { ...created(), status: "pending", email_hint: "n•••@lakeside.example", display_name: context.body.display_name, roles: context.body.roles };
    data.staffInvitations.unshift(invitation);
    context.status = 201;
    return { id: invitation.id, clinic_code: clinicCode(), expires_at: invitation.expires_at };
  },
  "GET /machine-clients": ({ session }) => (forRoles(session, "admin"), { items: data.machineClients }),
  "POST /machine-clients": (context) => {
    forRoles(context.session, "admin"), freshly(context.session);
    const client = { id: randomUUID(), name: context.body.name, identifier_systems: context.body.identifier_systems, created_at: iso(Date.now()) };
    data.machineClients.push(client);
    context.status = 201;
    return client;
  },
  "DELETE /machine-clients/{}": ({ session, ids }) => {
    forRoles(session, "admin"), freshly(session);
    data.machineClients.splice(data.machineClients.findIndex(({ id }) => id === ids[0]), 1);
  },
  "GET /quarantine": ({ session }) => (forRoles(session, "clinician"), { items: data.quarantine }),
  "POST /quarantine/{}/decision": ({ ids }) => void data.quarantine.splice(data.quarantine.findIndex(({ id }) => id === ids[0]), 1),
};

function recordOfPatient() {
  return data.recordOf({ ...data.panel[0], birth_date: "1962-03-28" });
}

const routes = [...Object.entries(visitor).map(([route, run]) => ({ route, run, open: true })), ...Object.entries(signedIn).map(([route, run]) => ({ route, run, open: false }))].map(({ route, ...rest }) => {
  const [method, path] = route.split(" ");
  return { method, pattern: new RegExp(`^${path.replaceAll("{}", "([^/]+)")}$`), ...rest };
});

/** Answers one call; `context` carries audience, cookies, body, query and takes cookies and status. */
export function answer(method, path, context) {
  for (const route of routes) {
    const found = route.method === method && route.pattern.exec(path);
    if (!found) continue;
    context.ids = found.slice(1);
    context.session = sessionOf(context);
    context.flow = flows.get(context.cookies["__Host-cloister-flow"]);
    if (!route.open && !context.session) refuse(401, "session.required");
    if (route.open && method === "POST" && !context.flow) refuse(401, "flow.required");
    if (method !== "GET" && context.csrf !== (route.open ? context.flow : context.session).csrf) refuse(403, "request.csrf");
    if (context.session) context.session.seen = Date.now();
    return route.run(context);
  }
  return refuse(404, "request.not_found");
}
