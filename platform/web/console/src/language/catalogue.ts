import type { Language } from "@cloister/ui";
import { staffWords as en } from "./en";
import { staffWords as es } from "./es";

declare module "@cloister/ui" {
  interface MessageSets {
    console: keyof typeof en;
  }
}

export const catalogue: Record<Language, Record<string, string>> = { en, es };
