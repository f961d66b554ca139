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

/** The last time step used, which outlives a worker that Playwright restarts; the file holds a number, no secret. */
function lastStepFile(account: Account): string {
  return join(tmpdir(), `cloister-journey-step-${createHash("sha256").update(account.email).digest("hex").slice(0, 16)}`);
}

function lastStep(account: Account): number {
  try {
    return Number(readFileSync(lastStepFile(account), "utf8"));
  } catch {
    return 0;
  }
}

/** A code that has not been used: waits for the next one where this half minute's is spent or about to change. */
export async function freshCode(account: Account): Promise<string> {
  for (;;) {
    const now = Date.now();
    const step = Math.floor(now / PERIOD);
    if (step > lastStep(account) && PERIOD - (now % PERIOD) > 3_000) {
      writeFileSync(lastStepFile(account), String(step));
      return totp(account.totp_secret, step);
    }
    await new Promise((resolve) => setTimeout(resolve, PERIOD - (now % PERIOD) + 200));
  }
}
