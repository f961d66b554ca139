import type { Interpretation, Result } from "../api/types";
import type { MessageId } from "../language/catalogue";
import type { Translate } from "../language/provider";

interface InterpretationWords {
  /** A few words, for lists and tables. */
  short: MessageId;
  sentence: MessageId;
  tone: "calm" | "attention" | "neutral";
  sign: "check" | "up" | "down" | "ring" | "none";
}

/** What an interpretation says. The words carry the meaning; tone and sign only repeat it. */
export const INTERPRETATION: Record<Interpretation, InterpretationWords> = {
  in_range: { short: "result.inRange", sentence: "result.inRangeSentence", tone: "calm", sign: "check" },
  above: { short: "result.above", sentence: "result.aboveSentence", tone: "attention", sign: "up" },
  below: { short: "result.below", sentence: "result.belowSentence", tone: "attention", sign: "down" },
  outside: { short: "result.outside", sentence: "result.outsideSentence", tone: "attention", sign: "ring" },
  no_range: { short: "result.noRange", sentence: "result.noRangeSentence", tone: "neutral", sign: "none" },
  not_comparable: { short: "result.notComparable", sentence: "result.notComparableSentence", tone: "neutral", sign: "none" },
};

export const isOutside = (interpretation: Interpretation): boolean => INTERPRETATION[interpretation].tone === "attention";

const STATUS: Record<string, MessageId> = {
  final: "status.final",
  preliminary: "status.preliminary",
  corrected: "status.corrected",
  amended: "status.amended",
  registered: "status.registered",
  cancelled: "status.cancelled",
  "entered-in-error": "status.withdrawn",
};

export const statusWords = (status: string): MessageId => STATUS[status] ?? "status.unknown";

const CATEGORY: Record<string, MessageId> = {
  laboratory: "category.laboratory",
  "vital-signs": "category.vitalSigns",
  imaging: "category.imaging",
  survey: "category.survey",
  exam: "category.exam",
  procedure: "category.procedure",
  "social-history": "category.socialHistory",
  activity: "category.activity",
  therapy: "category.therapy",
};

/** A category of FHIR in words; one the catalogue does not know is shown as the clinic sent it. */
export function categoryWords(category: string, t: Translate): string {
  const id = CATEGORY[category.toLowerCase()];
  return id ? t(id) : category;
}

/** UCUM writes no unit as "1" and encloses annotations in braces; neither helps a reader. */
export function readableUnit(unit: string | null | undefined): string {
  if (!unit || unit === "1") return "";
  return unit.replace(/\{([^}]*)\}/g, "$1").trim();
}

/** Value and unit, without writing a unit twice that the value already ends with. */
export function valueWithUnit(value: string, unit: string | null | undefined): string {
  const readable = readableUnit(unit);
  if (readable === "" || value.endsWith(readable)) return value;
  return readable === "%" ? `${value}%` : `${value} ${readable}`;
}

/** The range in words, from its bounds where they are numbers, else as the laboratory wrote it. */
export function rangeWords(result: Pick<Result, "range" | "range_text" | "unit">, t: Translate, number: (value: number) => string): string | null {
  const { range } = result;
  const low = range?.low ?? null;
  const high = range?.high ?? null;
  const unit = readableUnit(result.unit);
  const bounded = (text: string): string => (unit === "" || unit === "%" ? text : t("result.withUnit", { text, unit }));
  const write = (value: number): string => (unit === "%" ? `${number(value)}%` : number(value));
  if (low !== null && high !== null) {
    return bounded(low === high ? t("result.exactly", { low: write(low) }) : t("result.between", { low: write(low), high: write(high) }));
  }
  if (low !== null) return bounded(t("result.atLeast", { low: write(low) }));
  if (high !== null) return bounded(t("result.atMost", { high: write(high) }));
  return range?.text || result.range_text || null;
}
