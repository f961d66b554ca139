import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { useCloister } from "../shell/context";
import { renderInApp } from "../testing/render";
import { fakeServer, problem, signedInSession } from "../testing/server";
import { Activation, takeInvitationToken } from "./activation";

const CODES = Array.from({ length: 10 }, (_, index) => `code-${index}`);

function Started({ onActivated, token }: { onActivated: () => void; token: string | null }) {
  const { session } = useCloister();
  if (session.current().state === "anonymous") session.accept({ state: "flow", step: "activate_identity", csrf_token: "flow-csrf", now: new Date().toISOString() });
  return <Activation token={token} onActivated={onActivated} />;
}

async function opened(replies: Parameters<typeof fakeServer>[0], parts: { token?: string | null; audience?: "portal" | "console" } = {}) {
  const server = fakeServer(replies);
  const onActivated = vi.fn();
  const app = await renderInApp(<Started onActivated={onActivated} token={parts.token === undefined ? "invitation" : parts.token} />, server, { audience: parts.audience ?? "portal" });
  return { server, onActivated, user: userEvent.setup(), ...app };
}

it("leads a patient from birth date to recovery codes", async () => {
  const { server, user, onActivated, cloister } = await opened({
    "POST /activation/identity": { body: { step: "activate_password", kind: "patient", email_hint: "a•••@example.com", min_length: 15 } },
    "POST /activation/password": { body: { step: "activate_totp" } },
    "POST /activation/totp": { body: { secret: "JBSWY3DPEHPK3PXP", otpauth_uri: "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP" } },
    "POST /activation/totp/confirm": { body: { recovery_codes: CODES, session: signedInSession() } },
  });
  await user.type(await screen.findByLabelText("Month"), "3");
  await user.type(screen.getByLabelText("Day"), "28");
  await user.type(screen.getByLabelText("Year"), "1962");
  await user.type(screen.getByLabelText("Clinic code"), "lake-1234{Enter}");
  await user.type(await screen.findByLabelText("New password"), "quiet harbor lantern{Enter}");
  expect(await screen.findByText("JBSW Y3DP EHPK 3PXP")).toBeVisible();
  expect(screen.getByRole("img", { name: "QR code for your authenticator app" })).toBeInTheDocument();
  await user.type(screen.getByLabelText("6-digit code"), "123 456{Enter}");
  expect(await screen.findByText("code-9")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Finish and go to my account" }));
  expect(screen.getByRole("alert")).toHaveTextContent("Confirm that you have saved your recovery codes");
  expect(cloister.session.signedIn).toBe(false);
  await user.click(screen.getByRole("checkbox"));
  await user.click(screen.getByRole("button", { name: "Finish and go to my account" }));
  expect(onActivated).toHaveBeenCalledOnce();
  expect(cloister.session.signedIn).toBe(true);
  expect(server.calls.map(({ path, body }) => [path, body])).toEqual([
    ["/activation/identity", { token: "invitation", birth_date: "1962-03-28", clinic_code: "lake1234" }],
    ["/activation/password", { password: "quiet harbor lantern" }],
    ["/activation/totp", {}],
    ["/activation/totp/confirm", { code: "123456" }],
  ]);
});

it("asks staff for the clinic code alone", async () => {
  const { server, user } = await opened({ "POST /activation/identity": problem(401, "activation.refused") }, { audience: "console" });
  expect(screen.queryByLabelText("Year")).toBeNull();
  await user.type(await screen.findByLabelText("Clinic code"), "X1{Enter}");
  expect(await screen.findByRole("link", { name: /could not confirm this invitation/ })).toBeVisible();
  expect(server.calls[0]?.body).toEqual({ token: "invitation", clinic_code: "X1" });
});

it("says in words why a password is refused", async () => {
  const { user } = await opened({
    "POST /activation/identity": { body: { step: "activate_password", kind: "staff", email_hint: "a", min_length: 15 } },
    "POST /activation/password": problem(422, "password.refused", { errors: [{ field: "password", code: "password.breached", reason: "x" }] }),
  }, { audience: "console" });
  await user.type(await screen.findByLabelText("Clinic code"), "X1{Enter}");
  await user.type(await screen.findByLabelText("New password"), "correct horse battery{Enter}");
  expect(await screen.findByRole("link", { name: /lists of stolen passwords/ })).toBeVisible();
});

it("takes the token out of the address at once", () => {
  window.history.replaceState(null, "", "/activate#token=secret-token");
  expect(takeInvitationToken()).toBe("secret-token");
  expect(window.location.href).not.toContain("secret-token");
});

it("explains a link without a token", async () => {
  await opened({}, { token: null });
  expect(await screen.findByText("This invitation link is not complete")).toBeVisible();
});
