/** What people type for codes: spaces and every kind of hyphen are fine. */
export function compactCode(value: string): string {
  return value.replace(/[\s\u00ad\u2010-\u2015\u2212-]+/g, "");
}

/** Lower case without accents, for searching in what is on the page. */
export function searchable(value: string): string {
  return value.normalize("NFD").replace(/\p{Diacritic}/gu, "").toLocaleLowerCase();
}

/** `YYYY-MM-DD` of three typed numbers, or null where that day does not exist or lies ahead. */
export function birthDateOf(parts: { year: string; month: string; day: string }, today: Date): string | null {
  const [year, month, day] = [parts.year, parts.month, parts.day].map((part) => (/^\d{1,4}$/.test(part.trim()) ? Number(part) : NaN)) as [number, number, number];
  if (!(year >= 1880)) return null;
  const date = new Date(Date.UTC(year, month - 1, day));
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  return date > today ? null : date.toISOString().slice(0, 10);
}

/** An address good enough to send to the server, which decides. */
export function looksLikeEmail(value: string): boolean {
  return /^[^\s@]+@[^\s@]+$/.test(value);
}
