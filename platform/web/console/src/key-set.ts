/** What is wrong with pasted public keys, before they are sent anywhere. */
export type KeySetFlaw = "invalid" | "private";

const PRIVATE_PARTS = ["d", "p", "q", "dp", "dq", "qi", "k", "oth"];

/** Reads a JSON Web Key Set (RFC 7517). One with private or symmetric parts must not leave the browser. */
export function readKeySet(text: string): { keySet: Record<string, unknown> } | { flaw: KeySetFlaw } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return { flaw: "invalid" };
  }
  if (typeof parsed !== "object" || parsed === null || !("keys" in parsed) || !Array.isArray(parsed.keys) || parsed.keys.length === 0) return { flaw: "invalid" };
  const hasPrivate = parsed.keys.some((key: unknown) => typeof key === "object" && key !== null && PRIVATE_PARTS.some((part) => part in key));
  return hasPrivate ? { flaw: "private" } : { keySet: parsed as Record<string, unknown> };
}
