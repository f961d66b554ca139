import { fixture } from "../support/fixture.js";
import { expect, expectAccessible, signIn, test } from "../support/test.js";

const { portal_origin: origin, patient } = fixture;

test("a patient reads a result, in two languages, and signs out for good", async ({ page }) => {
  await test.step("signs in with password and code", async () => {
    await page.goto(origin);
    await expect(page).toHaveURL(`${origin}/sign-in`);
    await expectAccessible(page);
    await signIn(page, origin, patient);
    await expect(page.getByRole("heading", { level: 1 })).toContainText("Hello");
    await expectAccessible(page);
  });

  await test.step("keeps nothing in the browser's storage", async () => {
    const stored = await page.evaluate(() => ({ local: Object.keys(localStorage), session: Object.keys(sessionStorage), cookies: document.cookie }));
    expect(stored).toEqual({ local: [], session: [], cookies: "" });
  });

  await test.step("finds a result in the list", async () => {
    await page.getByRole("navigation").getByRole("link", { name: "Test results" }).click();
    await expect(page.locator(".result-row").first()).toBeVisible();
    await expect(page.getByRole("heading", { level: 1 })).toBeFocused();
    await expectAccessible(page);
  });

  let resultAddress = "";
  await test.step("reads it in words, with the table of earlier ones", async () => {
    await page.locator(".result-row").first().click();
    await expect(page.locator(".result-sentence")).toContainText(/range|expected/);
    await expect(page.getByRole("table")).toBeVisible();
    await expectAccessible(page);
    resultAddress = page.url();
  });

  await test.step("switches to Spanish and back", async () => {
    await page.getByRole("button", { name: "Español" }).click();
    await expect(page.locator("html")).toHaveAttribute("lang", "es");
    await expect(page.getByRole("heading", { name: "A lo largo del tiempo" })).toBeVisible();
    await expectAccessible(page);
    await page.getByRole("button", { name: "English" }).click();
  });

  await test.step("sees a page that does not exist, and another's result, as the same", async () => {
    await page.goto(`${origin}/results/00000000-0000-7000-8000-000000000000`);
    await expect(page.getByRole("heading", { name: "Page not found" })).toBeVisible();
    await page.goto(`${origin}/nothing-here`);
    await expect(page.getByRole("heading", { name: "Page not found" })).toBeVisible();
    await expectAccessible(page);
  });

  await test.step("sees the open sessions", async () => {
    await page.goto(`${origin}/sessions`);
    await expect(page.getByText("This device")).toBeVisible();
    await expectAccessible(page);
  });

  await test.step("signs out, and Back shows nothing", async () => {
    await page.goto(resultAddress);
    await expect(page.locator(".result-number")).toBeVisible();
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await expect(page.getByText("You are signed out.")).toBeVisible();
    await expectAccessible(page);
    await page.goBack();
    await expect(page.locator("#email")).toBeVisible();
    await expect(page.locator(".result-number, .result-row, .session-card")).toHaveCount(0);
    await expect(page.locator("html")).toHaveAttribute("lang", "en");
  });
});
