import { useState } from "react";
import { act, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { answer } from "../api/client";
import { useCloister } from "../shell/context";
import { renderInApp } from "../testing/render";
import { fakeServer, problem, signedInSession } from "../testing/server";
import { StepUpCancelled, StepUpProvider, useStepUp } from "./step-up";

function Change() {
  const { api } = useCloister();
  const withStepUp = useStepUp();
  const [outcome, setOutcome] = useState("");
  const run = () =>
    withStepUp(() => answer(api.DELETE("/api/v1/machine-clients/{id}", { params: { path: { id: "m" } } }))).then(
      () => setOutcome("changed"),
      (failure: unknown) => setOutcome(failure instanceof StepUpCancelled ? "cancelled" : "failed"),
    );
  return (
    <>
      <button onClick={() => void run()}>{"x"}</button>
      <output>{outcome}</output>
    </>
  );
}

async function opened() {
  const server = fakeServer({
    "DELETE /machine-clients/m": (call) => (call.csrf === "csrf-2" ? { status: 204 } : problem(403, "session.step_up_required")),
    "POST /session/step-up": (call) => ((call.body as { code: string }).code === "123456" ? { body: signedInSession({ csrf: "csrf-2" }) } : problem(403, "session.step_up_refused")),
  });
  const app = await renderInApp(
    <StepUpProvider>
      <Change />
    </StepUpProvider>,
    server,
  );
  act(() => app.cloister.session.accept(signedInSession()));
  const user = userEvent.setup();
  await user.click(screen.getByRole("button", { name: "x" }));
  await screen.findByRole("dialog", { name: "Confirm it’s you" });
  return { server, user };
}

it("asks for a code, takes the new token and tries the change once more", async () => {
  const { server, user } = await opened();
  await user.type(screen.getByLabelText("6-digit code"), "000 000{Enter}");
  expect(await screen.findByRole("link", { name: "That code did not work" })).toBeVisible();
  await user.type(screen.getByLabelText("6-digit code"), "123 456{Enter}");
  expect(await screen.findByText("changed")).toBeInTheDocument();
  expect(server.calls.filter(({ method }) => method === "DELETE").map(({ csrf }) => csrf)).toEqual(["csrf-1", "csrf-2"]);
});

it("changes nothing when the person turns back", async () => {
  const { server, user } = await opened();
  await user.keyboard("{Escape}");
  expect(await screen.findByText("cancelled")).toBeInTheDocument();
  expect(server.calls).toHaveLength(1);
});
