import { account as accountEn } from "./en/account";
import { results as resultsEn } from "./en/results";
import { shell as shellEn } from "./en/shell";
import { account as accountEs } from "./es/account";
import { results as resultsEs } from "./es/results";
import { shell as shellEs } from "./es/shell";

export type Language = "en" | "es";

/** Holds only when both languages have the same ids; each catalogue states it with `satisfies`. */
export type SameKeys<T> = { [K in keyof T]: string };

const en = { ...shellEn, ...accountEn, ...resultsEn };

/** The ids of all catalogues in a program. An app adds its own by module augmentation. */
export interface MessageSets {
  shared: keyof typeof en;
}
export type MessageId = MessageSets[keyof MessageSets];

export const sharedCatalogue: Record<Language, Record<string, string>> = {
  en,
  es: { ...shellEs, ...accountEs, ...resultsEs } satisfies SameKeys<typeof en>,
};

/** The locale in which numbers and dates are written, and which is announced in `<html lang>`. */
export const LOCALES: Record<Language, string> = { en: "en-US", es: "es-US" };
