import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { renderInApp } from "../testing/render";
import { fakeServer, flowSession, problem, signedInSession } from "../testing/server";
import { useCloister } from "../shell/context";
import { SignIn } from "./sign-in";

async function opened(replies: Parameters<typeof fakeServer>[0], step: "password" | "totp" = "password") {
  const server = fakeServer(replies);
  const onSignedIn = vi.fn();
  const app = await renderInApp(<StartedSignIn onSignedIn={onSignedIn} step={step} />, server);
  return { server, onSignedIn, user: userEvent.setup(), ...app };
}

function StartedSignIn({ onSignedIn, step }: { onSignedIn: () => void; step: "password" | "totp" }) {
  const { session } = useCloister();
  if (session.current().state === "anonymous") session.accept(flowSession(step));
  return <SignIn onSignedIn={onSignedIn} />;
}

async function typePassword(user: ReturnType<typeof userEvent.setup>) {
  await user.type(await screen.findByLabelText("Email address"), " ana@example.com ");
  await user.type(screen.getByLabelText("Password"), "quiet harbor lantern");
  await user.click(screen.getByRole("button", { name: "Continue" }));
}

it("signs in with password and code, spaces and hyphens allowed", async () => {
  const session = signedInSession();
  const { server, user, onSignedIn, cloister } = await opened({ "POST /sign-in/password": { body: { step: "totp" } }, "POST /sign-in/totp": { body: session } });
  await typePassword(user);
  await user.type(await screen.findByLabelText("6-digit code"), "123-4 56{Enter}");
  await vi.waitFor(() => expect(onSignedIn).toHaveBeenCalledOnce());
  expect(server.calls).toMatchObject([
    { path: "/sign-in/password", body: { email: "ana@example.com", password: "quiet harbor lantern" }, csrf: "flow-csrf" },
    { path: "/sign-in/totp", body: { code: "123456" }, csrf: "flow-csrf" },
  ]);
  expect(cloister.session.signedIn).toBe(true);
});

it("puts the focus on a summary that leads to each empty field", async () => {
  const { user, server } = await opened({});
  await user.click(await screen.findByRole("button", { name: "Continue" }));
  expect(screen.getByRole("alert")).toHaveFocus();
  await user.click(screen.getByRole("link", { name: "Enter your password" }));
  expect(screen.getByLabelText("Password")).toHaveFocus();
  expect(screen.getByLabelText("Password")).toHaveAccessibleDescription(/Enter your password/);
  expect(server.calls).toEqual([]);
});

it("does not say which of address and password was wrong, and empties the password", async () => {
  const { user } = await opened({ "POST /sign-in/password": problem(401, "sign_in.refused") });
  await typePassword(user);
  expect(await screen.findByRole("link", { name: /email address and password don’t match/ })).toBeVisible();
  expect(screen.getByLabelText("Password")).toHaveValue("");
});

it("tells a locked-out person how long to wait", async () => {
  const { user } = await opened({ "POST /sign-in/password": problem(429, "sign_in.locked", { headers: { "retry-after": "1740" } }) });
  await typePassword(user);
  expect(await screen.findByText(/wait 29 minutes/)).toBeVisible();
});

it("says so when there is no connection", async () => {
  const { user } = await opened({});
  await typePassword(user);
  expect(await screen.findByText("You are offline")).toBeVisible();
});

it("goes on with the code after a reload, and takes a recovery code instead", async () => {
  const { user, server, onSignedIn } = await opened({ "POST /sign-in/recovery-code": { body: signedInSession() } }, "totp");
  await user.click(await screen.findByRole("button", { name: "Use a recovery code instead" }));
  await user.type(screen.getByLabelText("Recovery code"), "abcd-efgh{Enter}");
  await vi.waitFor(() => expect(onSignedIn).toHaveBeenCalledOnce());
  expect(server.calls).toMatchObject([{ path: "/sign-in/recovery-code", body: { code: "abcdefgh" } }]);
});

it.each([
  [401, "flow.required"],
  [429, "flow.spent"],
  [409, "flow.wrong_step"],
])("leads back to the beginning when the flow is over (%i %s)", async (status, code) => {
  const { user } = await opened({ "POST /sign-in/password": problem(status, code) });
  await typePassword(user);
  expect(await screen.findByRole("link", { name: "You took too long, so we stopped for safety" })).toHaveAttribute("href", "/sign-in");
});
