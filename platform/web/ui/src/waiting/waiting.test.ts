import { beforeEach, describe, expect, it, vi } from "vitest";
import { beginsWithZeros, solve } from "./proof-of-work";
import { wait } from "./waiting";
import { words, wordsFor } from "./words";

function page(tried: "yes" | "no") {
  document.body.innerHTML = `
    <main id="task" data-challenge="c0ffee" data-bits="8" data-tried="${tried}">
      <h1 id="title"></h1><p id="text"></p><progress id="progress" max="1" value="0"></progress>
      <button id="again" hidden></button>
    </main>`;
}

describe("the proof of work", () => {
  it("finds a number whose digest begins with the zero bits that the server asks for", async () => {
    const number = await solve("c0ffee", 10, () => undefined);
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`c0ffee:${number}`));
    expect(new DataView(digest).getUint16(0) >> 6).toBe(0);
  });

  it("finds another number in every browser, as each counts once", async () => {
    const found = await Promise.all([1, 2, 3].map(() => solve("c0ffee", 8, () => undefined)));
    expect(new Set(found).size).toBe(3);
    for (const number of found) expect(number).toMatch(/^\d{1,15}$/);
  });

  it("counts zero bits across the bytes", () => {
    const digest = new Uint8Array([0, 0b0001_0000, 0]);
    expect(beginsWithZeros(digest, 11)).toBe(true);
    expect(beginsWithZeros(digest, 12)).toBe(false);
    expect(beginsWithZeros(digest, 8)).toBe(true);
    expect(beginsWithZeros(digest, 0)).toBe(true);
  });
});

describe("the waiting page", () => {
  beforeEach(() => vi.spyOn(navigator, "languages", "get").mockReturnValue(["fr-FR", "es-US"]));

  it("leaves its result in a cookie and opens the page again", async () => {
    page("no");
    let cookie = "";
    vi.spyOn(document, "cookie", "set").mockImplementation((value) => void (cookie = value));
    vi.spyOn(document, "cookie", "get").mockImplementation(() => cookie.split(";")[0] ?? "");
    const reopen = vi.fn();
    await wait(document, reopen);
    expect(cookie).toMatch(/^__Host-cloister-proof=\d+; Path=\/; Secure; SameSite=Strict; Max-Age=60$/);
    expect(reopen).toHaveBeenCalledOnce();
    expect(document.documentElement.lang).toBe("es");
    expect(document.title).toBe(words.es.title);
  });

  it("says what to do where cookies are refused, instead of going round in circles", async () => {
    page("no");
    vi.spyOn(document, "cookie", "get").mockReturnValue("");
    const reopen = vi.fn();
    await wait(document, reopen);
    expect(reopen).not.toHaveBeenCalled();
    expect(document.getElementById("text")?.textContent).toBe(words.es.failed);
    document.getElementById("again")?.click();
    expect(reopen).toHaveBeenCalledOnce();
  });

  it("asks before it tries a second time", async () => {
    page("yes");
    const reopen = vi.fn();
    await wait(document, reopen);
    expect(reopen).not.toHaveBeenCalled();
    expect(document.activeElement?.id).toBe("again");
  });

  it("speaks English where it knows none of the browser's languages", () => {
    expect(wordsFor(["fr", "de-AT"]).language).toBe("en");
    expect(wordsFor(["es-MX", "en"]).language).toBe("es");
  });
});
