import { fixture } from "../support/fixture.js";
import { expect, expectAccessible, signIn, test } from "../support/test.js";

const { portal_origin: origin, patient } = fixture;

test("the session's end is announced, put off, and then kept", async ({ page }) => {
  await page.clock.install();
  await signIn(page, origin, patient);
  await page.goto(`${origin}/results`);
  await expect(page.locator(".result-row").first()).toBeVisible();

  const dialog = page.getByRole("alertdialog", { name: "You’re about to be signed out" });
  await page.clock.fastForward("13:30");
  await expect(dialog).toContainText("2 minutes");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Stay signed in" }).click();
  await expect(dialog).toBeHidden();

  await page.clock.fastForward("13:30");
  await expect(dialog).toBeVisible();
  await page.clock.fastForward("02:00");
  await expect(page.getByText("You were signed out to protect your information")).toBeVisible();
  await page.goBack();
  await expect(page.getByRole("heading", { name: "Sign in", exact: true })).toBeVisible();
  await expect(page.locator(".result-row")).toHaveCount(0);
});
