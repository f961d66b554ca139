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

/** Where to begin: all who wait at one address have the same challenge, and a number counts once. */
function somewhere(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high % 2 ** 16) * 2 ** 32 + low;
}

/** Finds a number that makes SHA-256 of `challenge:number` begin with so many zero bits. Tells how many were tried. */
export async function solve(challenge: string, bits: number, tried: (count: number) => void): Promise<string> {
  const encoder = new TextEncoder();
  const start = somewhere();
  for (let first = start; ; first += AT_ONCE) {
    const digests = await Promise.all(
      Array.from({ length: AT_ONCE }, (_, offset) => crypto.subtle.digest("SHA-256", encoder.encode(`${challenge}:${first + offset}`))),
    );
    const found = digests.findIndex((digest) => beginsWithZeros(new Uint8Array(digest), bits));
    if (found >= 0) return String(first + found);
    tried(first - start + AT_ONCE);
  }
}
