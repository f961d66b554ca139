import { searchable } from "../format/typed";

export interface PasswordRule {
  id: "length" | "mix" | "context";
  met: boolean;
}

/** The operator's default length, used where the server has not said the clinic's own. */
export const DEFAULT_MIN_LENGTH = 15;
const MIX_NOT_NEEDED_FROM = 16;
const CLASSES = [/\p{Ll}/u, /\p{Lu}/u, /\p{Nd}/u, /[^\p{L}\p{Nd}]/u];

/** The rules that can be checked while typing. The server checks these and more, and decides. */
export function passwordRules(password: string, minLength: number, contextName: string): PasswordRule[] {
  const length = Array.from(password).length;
  const kinds = CLASSES.filter((kind) => kind.test(password)).length;
  const words = searchable(contextName).split(/[^\p{L}\p{N}]+/u).filter((word) => word.length >= 4);
  const plain = searchable(password);
  return [
    { id: "length", met: length >= minLength },
    { id: "mix", met: length >= MIX_NOT_NEEDED_FROM || (length > 0 && kinds >= 3) },
    { id: "context", met: length > 0 && !words.some((word) => plain.includes(word)) },
  ];
}
