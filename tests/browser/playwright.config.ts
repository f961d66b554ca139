/**
 * Journeys through a running instance, in Debian's Chromium.
 *
 *   CLOISTER_BROWSER_FIXTURE  JSON file with the two origins and the sign-ins (see support/fixture.ts); required
 *   CLOISTER_BROWSER_REPORT   where to write the JUnit report
 *   CLOISTER_BROWSER_CHROMIUM another Chromium than /usr/bin/chromium
 */
import { defineConfig, devices } from "@playwright/test";

const report = process.env["CLOISTER_BROWSER_REPORT"];

export default defineConfig({
  testDir: "journeys",
  // One at a time: a TOTP code opens one session only, so journeys of one account take codes in turn. Files are named so that
  // two journeys of one account are half a minute apart; the second would wait that long for its code.
  workers: 1,
  fullyParallel: false,
  timeout: 120_000,
  expect: { timeout: 10_000 },
  reporter: report ? [["list"], ["junit", { outputFile: report }]] : [["list"]],
  use: {
    ...devices["Desktop Chrome"],
    viewport: { width: 1280, height: 900 },
    locale: "en-US",
    // Traces and videos would keep what the pages show.
    trace: "off",
    video: "off",
    screenshot: "off",
    launchOptions: {
      executablePath: process.env["CLOISTER_BROWSER_CHROMIUM"] ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    },
  },
});
