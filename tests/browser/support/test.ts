import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, test as base, type BrowserContext, type Page } from "@playwright/test";
import type { Account } from "./fixture.js";
import { freshCode } from "./totp.js";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** What the browser complained of: scripts that failed, and everything the content security policy stopped. */
export function complaints(context: BrowserContext): string[] {
  const found: string[] = [];
  context.on("console", (message) => {
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) found.push(message.text());
  });
  context.on("weberror", (error) => found.push(error.error().message));
  return found;
}

/** Fails on any finding of axe on the page once it has its heading, and on content wider than the window. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.locator("h1").first().waitFor();
  await page.evaluate(axeSource);
  const findings = await page.evaluate(async (tags) => {
    const { axe } = window as unknown as { axe: { run: (root: Document, options: object) => Promise<{ violations: { id: string; nodes: { target: unknown[] }[] }[] }> } };
    const { violations } = await axe.run(document, { runOnly: tags });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
  }, RULES);
  expect(findings, `accessibility of ${new URL(page.url()).pathname}`).toEqual([]);
  const { content, window: visible } = await page.evaluate(() => ({ content: document.documentElement.scrollWidth, window: document.documentElement.clientWidth }));
  expect(content, `width of ${new URL(page.url()).pathname}`).toBeLessThanOrEqual(visible);
}

/** From the start page through password and code to the first page behind them. */
export async function signIn(page: Page, origin: string, account: Account): Promise<void> {
  await page.goto(origin);
  await page.locator("#email").fill(account.email);
  await page.locator("#password").fill(account.password);
  await page.locator("form button[type=submit]").click();
  await page.locator("#code").waitFor();
  await page.locator("#code").fill(await freshCode(account));
  await page.locator("form button[type=submit]").click();
  await expect(page.locator("nav.site-nav")).toBeVisible();
}

export const test = base.extend<{ quiet: void }>({
  quiet: [
    async ({ context }, use) => {
      const found = complaints(context);
      await use();
      expect(found, "what the browser complained of").toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };
