import { readFileSync } from "node:fs";

export interface Account {
  email: string;
  password: string;
  /** Base32, as typed into an authenticator app. */
  totp_secret: string;
  /** The last time step of a code that the seeding may have used. */
  last_step: number;
}

/** A seeded instance: its two origins, two patients, and one sign-in of each other kind. */
export interface Fixture {
  portal_origin: string;
  console_origin: string;
  patient: Account;
  other_patient: Account;
  clinician: Account;
  admin: Account;
}

function read(): Fixture {
  const path = process.env["CLOISTER_BROWSER_FIXTURE"];
  if (!path) throw new Error("CLOISTER_BROWSER_FIXTURE must name the JSON file of a seeded instance");
  return JSON.parse(readFileSync(path, "utf8")) as Fixture;
}

export const fixture = read();
