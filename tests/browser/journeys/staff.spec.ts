import { fixture } from "../support/fixture.js";
import { expect, expectAccessible, signIn, test } from "../support/test.js";

const { console_origin: origin, clinician, admin } = fixture;

test("a clinician opens a chart from her panel and invites the patient", async ({ page }) => {
  await page.goto(origin);
  await page.locator("#email").waitFor();
  await expectAccessible(page);
  await signIn(page, origin, clinician);

  await test.step("sees her panel, and nothing of the administrator's", async () => {
    await expect(page.getByRole("heading", { level: 1, name: "My panel" })).toBeVisible();
    await expect(page.locator(".panel-table tbody tr").first()).toBeVisible();
    await expect(page.getByRole("navigation").getByRole("link", { name: "Staff" })).toHaveCount(0);
    await expectAccessible(page);
  });

  await test.step("searches it by name", async () => {
    const name = (await page.locator(".panel-table tbody a").last().textContent()) ?? "";
    await page.getByRole("searchbox").fill(name);
    await expect(page.locator(".panel-table tbody a").filter({ hasText: name }).first()).toBeVisible();
    await page.getByRole("searchbox").fill("zzzz no such person");
    await expect(page.locator(".panel-table tbody tr")).toHaveCount(0);
    await page.getByRole("searchbox").fill("");
  });

  let chart = "";
  await test.step("opens a chart and a result", async () => {
    // The last one: whoever comes first may have an account already and cannot be invited.
    const link = page.locator(".panel-table tbody a").last();
    const name = (await link.textContent()) ?? "";
    await link.click();
    await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
    chart = page.url();
    await page.locator(".result-row, .empty").first().waitFor();
    await expectAccessible(page);
    if ((await page.locator(".result-row").count()) === 0) return;
    await page.locator(".result-row").first().click();
    await expect(page.locator(".result-sentence")).toBeVisible();
    await expect(page.locator(".record-facts")).toBeVisible();
    await expectAccessible(page);
  });

  await test.step("invites the patient, sees the code once, and revokes the invitation", async () => {
    await page.goto(chart);
    await page.getByRole("link", { name: "Portal access" }).click();
    await page.locator("#invite-email").fill(`journey-${Date.now()}@example.com`);
    await expectAccessible(page);
    await page.getByRole("button", { name: "Send invitation" }).click();
    const dialog = page.getByRole("alertdialog", { name: "Give this code to the patient" });
    await expect(dialog.locator("code")).not.toBeEmpty();
    await expectAccessible(page);
    await dialog.getByRole("button", { name: "I have passed on the code" }).click();
    await expect(dialog).toBeHidden();
    const waiting = page.locator(".session-card").filter({ hasText: "Waiting for the patient" });
    const before = await waiting.count();
    expect(before).toBeGreaterThan(0);
    await waiting.first().getByRole("button", { name: /^Revoke/ }).click();
    await page.getByRole("alertdialog", { name: "Revoke this invitation?" }).getByRole("button", { name: "Revoke" }).click();
    await expect(waiting).toHaveCount(before - 1);
  });

  await test.step("sees what waits for a decision", async () => {
    await page.getByRole("navigation", { name: "Main menu" }).getByRole("link", { name: "To decide" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "To decide" })).toBeVisible();
    await expect(page.locator(".loading")).toHaveCount(0);
    await expectAccessible(page);
  });
});

test("an administrator manages access and cannot open a chart", async ({ page }) => {
  await signIn(page, origin, admin);
  await page.getByRole("navigation").getByRole("link", { name: "Staff" }).click();
  await expect(page.locator(".panel-table tbody tr").first()).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("navigation").getByRole("link", { name: "Record systems" }).click();
  await expect(page.locator("#client-name")).toBeVisible();
  await expect(page.locator(".loading")).toHaveCount(0);
  await expectAccessible(page);
  await page.getByRole("button", { name: "Register" }).click();
  await expect(page.getByRole("alert")).toBeFocused();
  await expectAccessible(page);

  await page.goto(`${origin}/patients/00000000-0000-7000-8000-000000000000`);
  await expect(page.getByRole("heading", { level: 1 }).or(page.locator(".notice-problem"))).toBeVisible();
  await expect(page.locator(".record-facts, .result-row")).toHaveCount(0);
});
