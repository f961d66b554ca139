import { useMemo } from "react";
import { useIntl } from "react-intl";
import { useClinic } from "../clinic/context";

/** A FHIR dateTime is a year, a month, a day or an instant; only an instant has a time zone. */
type Precision = "year" | "month" | "day" | "instant";

export function precisionOf(value: string): Precision | null {
  if (/^\d{4}$/.test(value)) return "year";
  if (/^\d{4}-\d{2}$/.test(value)) return "month";
  if (/^\d{4}-\d{2}-\d{2}$/.test(value)) return "day";
  return Number.isNaN(Date.parse(value)) ? null : "instant";
}

/** Milliseconds for sorting and for the time axis; a partial date stands at its beginning. */
export function toMillis(value: string): number | null {
  return precisionOf(value) === null ? null : Date.parse(value.length === 4 ? `${value}-01-01` : value.length === 7 ? `${value}-01` : value);
}

const DAY: Intl.DateTimeFormatOptions = { year: "numeric", month: "long", day: "numeric" };
const SHORT_DAY: Intl.DateTimeFormatOptions = { year: "numeric", month: "short", day: "numeric" };

/** Writes dates in the person's language and the clinic's time zone. */
export interface Moments {
  /** The day, as long as it is known: "March 28, 2026", "March 2026", "2026". */
  day(value: string): string;
  shortDay(value: string): string;
  /** Day and time of day. */
  instant(value: string): string;
  /** A key that is equal for moments of one day at the clinic. */
  dayKey(value: string): string;
}

function supportedZone(zone: string): string {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone;
  } catch {
    return "UTC";
  }
}

export function createMoments(locale: string, timeZone: string): Moments {
  const zone = supportedZone(timeZone);
  const write = (value: string, options: Intl.DateTimeFormatOptions): string => {
    const precision = precisionOf(value);
    if (precision === null) return value;
    const date = new Date(toMillis(value) ?? 0);
    if (precision === "year") return value;
    if (precision === "month") {
      return new Intl.DateTimeFormat(locale, { year: "numeric", month: options.month ?? "long", timeZone: "UTC" }).format(date);
    }
    const { hour: _hour, minute: _minute, ...dayOnly } = options;
    if (precision === "day") return new Intl.DateTimeFormat(locale, { ...dayOnly, timeZone: "UTC" }).format(date);
    return new Intl.DateTimeFormat(locale, { ...options, timeZone: zone }).format(date);
  };
  const keyFormat = new Intl.DateTimeFormat("en-CA", { year: "numeric", month: "2-digit", day: "2-digit", timeZone: zone });
  return {
    day: (value) => write(value, DAY),
    shortDay: (value) => write(value, SHORT_DAY),
    instant: (value) => write(value, { ...SHORT_DAY, hour: "numeric", minute: "2-digit" }),
    dayKey: (value) => (precisionOf(value) === "instant" ? keyFormat.format(new Date(value)) : value),
  };
}

export function useMoments(): Moments {
  const { locale } = useIntl();
  const { time_zone } = useClinic();
  return useMemo(() => createMoments(locale, time_zone), [locale, time_zone]);
}

/** Whole years between a full birth date and today; null for a partial date. */
export function ageOn(birthDate: string, today: Date): number | null {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(birthDate);
  if (!parts) return null;
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  const before = today.getMonth() + 1 < month || (today.getMonth() + 1 === month && today.getDate() < day);
  return today.getFullYear() - year - (before ? 1 : 0);
}
