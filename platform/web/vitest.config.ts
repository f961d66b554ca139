import { defineConfig } from "vitest/config";

const reports = process.env.CLOISTER_REPORTS;

export default defineConfig({
  test: {
    environment: "jsdom",
    environmentOptions: { jsdom: { url: "http://clinic.localhost:3000/" } },
    include: ["{ui,portal,console}/src/**/*.test.{ts,tsx}"],
    setupFiles: ["./vitest.setup.ts"],
    restoreMocks: true,
    testTimeout: 20_000,
    reporters: reports ? ["default", "junit"] : ["default"],
    ...(reports ? { outputFile: { junit: `${reports}/web-unit.xml` } } : {}),
  },
});
