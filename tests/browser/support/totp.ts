import { createHash, createHmac } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Account } from "./fixture.js";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const PERIOD = 30_000;

function fromBase32(text: string): Buffer {
  const bits = [...text.replace(/[\s=]/g, "").toUpperCase()].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, "0")).join("");
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

/** RFC 6238 with SHA-1, six digits and 30 seconds. */
export function totp(secret: string, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac("sha1", fromBase32(secret)).update(counter).digest();
  return String((digest.readUInt32BE((digest[19] ?? 0) & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** The last time step that a code was used of, by the seeding or by a journey. It outlives a worker that Playwright restarts; the file holds a number, no secret. */
function lastStepFile(account: Account): string {
  return join(tmpdir(), `cloister-journey-step-${createHash("sha256").update(account.email).digest("hex").slice(0, 16)}`);
}

function lastStep(account: Account): number {
  try {
    return Math.max(account.last_step, Number(readFileSync(lastStepFile(account), "utf8")));
  } catch {
    return account.last_step;
  }
}

/**
 * The earliest code that holds and has not been used: the one before, this half minute's or the next, as the service
 * allows for clocks that go wrong by one step. Waits where all three are spent.
 */
export async function freshCode(account: Account): Promise<string> {
  for (;;) {
    const now = Date.now();
    const left = PERIOD - (now % PERIOD);
    const current = Math.floor(now / PERIOD);
    // The one before ends with this half minute: too close to its end it would not arrive in time.
    const earliest = left > 5_000 ? current - 1 : current;
    const step = Math.max(earliest, lastStep(account) + 1);
    if (step <= current + 1) {
      writeFileSync(lastStepFile(account), String(step));
      return totp(account.totp_secret, step);
    }
    await new Promise((resolve) => setTimeout(resolve, left + 200));
  }
}
