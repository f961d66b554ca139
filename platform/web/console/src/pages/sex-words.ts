import type { MessageId } from "@cloister/ui";

const WORDS: Record<string, MessageId> = { male: "record.male", female: "record.female", other: "record.other" };

/** The administrative gender of a record in words. */
export const sexWords = (sex: string | null | undefined): MessageId => WORDS[sex ?? ""] ?? "record.unknown";
