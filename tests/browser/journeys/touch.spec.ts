import { fixture } from "../support/fixture.js";
import { expect, expectAccessible, signIn, test } from "../support/test.js";

const { portal_origin: origin, other_patient: patient } = fixture;

test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, colorScheme: "dark", locale: "es-US" });

test("a patient reads a result on a phone, in the dark, in Spanish, down to 320 pixels", async ({ page }) => {
  await page.goto(origin);
  await page.locator("#email").waitFor();
  if ((await page.locator("html").getAttribute("lang")) !== "es") await page.getByRole("button", { name: "Español" }).click();
  await expectAccessible(page);
  await signIn(page, origin, patient);
  await expect(page.locator("html")).toHaveAttribute("lang", "es");
  await expectAccessible(page);

  await page.getByRole("navigation").getByRole("link", { name: "Resultados" }).click();
  await page.locator(".result-row").first().waitFor();
  await expectAccessible(page);
  await page.locator(".result-row").first().click();
  await page.locator(".result-number").waitFor();
  await expectAccessible(page);

  await page.setViewportSize({ width: 320, height: 640 });
  for (const path of ["/", "/results", "/sessions", new URL(page.url()).pathname]) {
    await page.goto(origin + path);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await expect(page.locator(".loading")).toHaveCount(0);
    await expectAccessible(page);
  }

  await page.getByRole("button", { name: "Cerrar sesión", exact: true }).click();
  await expect(page.getByText("Su sesión está cerrada.")).toBeVisible();
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("lang", "es");
});
