/** How many numbers are tried before the page may draw again. */
const AT_ONCE = 256;

/** Whether the digest begins with so many zero bits. */
export function beginsWithZeros(digest: Uint8Array, bits: number): boolean {
  const whole = Math.floor(bits / 8);
  for (let place = 0; place < whole; place += 1) {
    if (digest[place] !== 0) return false;
  }
  const rest = bits % 8;
  return rest === 0 || (digest[whole] ?? 0) >> (8 - rest) === 0;
}

/** Finds the number that makes SHA-256 of `challenge:number` begin with so many zero bits. Tells how many were tried. */
export async function solve(challenge: string, bits: number, tried: (count: number) => void): Promise<string> {
  const encoder = new TextEncoder();
  for (let first = 0; ; first += AT_ONCE) {
    const digests = await Promise.all(
      Array.from({ length: AT_ONCE }, (_, offset) => crypto.subtle.digest("SHA-256", encoder.encode(`${challenge}:${first + offset}`))),
    );
    const found = digests.findIndex((digest) => beginsWithZeros(new Uint8Array(digest), bits));
    if (found >= 0) return String(first + found);
    tried(first + AT_ONCE);
  }
}
