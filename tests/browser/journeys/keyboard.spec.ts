import { fixture } from "../support/fixture.js";
import { expect, test } from "../support/test.js";
import { freshCode } from "../support/totp.js";
import type { Page } from "@playwright/test";

const { portal_origin: origin, other_patient: patient } = fixture;

async function tabTo(page: Page, selector: string): Promise<void> {
  for (let presses = 0; presses < 25; presses += 1) {
    if (await page.locator(selector).first().evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab never reached ${selector}`);
}

test("a patient signs in, reads a result and signs out with the keyboard alone", async ({ page }) => {
  await page.goto(origin);
  await page.locator("#email").waitFor();

  await tabTo(page, "form button[type=submit]");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert")).toBeFocused();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(page.locator("#email")).toBeFocused();

  await page.keyboard.type(patient.email);
  await tabTo(page, "#password");
  await page.keyboard.type(patient.password);
  await page.keyboard.press("Enter");
  await page.locator("#code").waitFor();
  await tabTo(page, "#code");
  const code = await freshCode(patient);
  await page.keyboard.type(`${code.slice(0, 3)} ${code.slice(3)}`);
  await page.keyboard.press("Enter");
  await expect(page.locator("nav.site-nav")).toBeVisible();

  await page.reload();
  await page.locator(".result-row").first().waitFor();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to main content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await tabTo(page, ".result-row");
  const outline = await page.locator(".result-row").first().evaluate((element) => getComputedStyle(element).outlineStyle);
  expect(outline).toBe("solid");
  await page.keyboard.press("Enter");
  await expect(page.locator(".result-number")).toBeVisible();
  await expect(page.getByRole("heading", { level: 1 })).toBeFocused();

  await page.locator("body").press("Shift+Tab");
  for (let presses = 0; presses < 15; presses += 1) {
    const name = await page.evaluate(() => document.activeElement?.textContent);
    if (name === "Sign out") break;
    await page.keyboard.press("Shift+Tab");
  }
  await page.keyboard.press("Enter");
  await expect(page.getByText("You are signed out.")).toBeVisible();
});
