import type { Language } from "@cloister/ui";
import { portal as en } from "./en";
import { portal as es } from "./es";

declare module "@cloister/ui" {
  interface MessageSets {
    portal: keyof typeof en;
  }
}

export const catalogue: Record<Language, Record<string, string>> = { en, es };
