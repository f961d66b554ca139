import { solve } from "./proof-of-work";
import { wordsFor } from "./words";

const COOKIE = "__Host-cloister-proof";

/** What the server wrote into the page. */
interface Task {
  challenge: string;
  bits: number;
  /** Whether a calculation came with the request and did not count. */
  tried: boolean;
}

function taskOf(page: Document): Task {
  const { challenge = "", bits = "", tried } = page.getElementById("task")?.dataset ?? {};
  return { challenge, bits: Number(bits), tried: tried === "yes" };
}

/** Does the calculation, leaves its result in a cookie and opens the page again, as often as its user asks for it. */
export async function wait(page: Document, reopen: () => void): Promise<void> {
  const { language, words } = wordsFor(navigator.languages);
  const say = (id: string, text: string) => {
    const place = page.getElementById(id);
    if (place) place.textContent = text;
  };
  page.documentElement.lang = language;
  page.title = words.title;
  say("title", words.title);
  say("text", words.text);
  const task = taskOf(page);
  const failed = () => {
    say("text", words.failed);
    const button = page.getElementById("again");
    page.getElementById("progress")?.remove();
    if (button) {
      button.textContent = words.again;
      button.hidden = false;
      button.addEventListener("click", reopen);
      button.focus();
    }
  };
  if (task.tried) return failed();
  const progress = page.getElementById("progress");
  progress?.setAttribute("aria-label", words.working);
  const expected = 2 ** task.bits;
  const number = await solve(task.challenge, task.bits, (count) => {
    progress?.setAttribute("value", String(1 - Math.exp(-count / expected)));
  });
  page.cookie = `${COOKIE}=${number}; Path=/; Secure; SameSite=Strict; Max-Age=60`;
  if (!page.cookie.includes(`${COOKIE}=${number}`)) return failed();
  reopen();
}
