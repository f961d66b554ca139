import { describe, expect, it } from "vitest";
import { Problem } from "../api/problem";
import type { Translate } from "../language/provider";
import { describeProblem } from "./problem-words";

const t = ((id: string) => id) as Translate;

describe("problems in words", () => {
  it("tells an owner whose clinic is not open yet that nothing is wrong with her", () => {
    const early = new Problem({ status: 403, code: "tenant.not_open" });
    expect(describeProblem(early, t)).toEqual({ title: "problem.notOpen.title", text: "problem.notOpen.text" });
  });

  it("tells a closed clinic from a closed door", () => {
    expect(describeProblem(new Problem({ status: 403, code: "tenant.suspended" }), t).title).toBe("problem.suspended.title");
    expect(describeProblem(new Problem({ status: 403, code: "permission.denied" }), t).title).toBe("problem.forbidden.title");
  });

  it("has words for a status that it never heard of", () => {
    expect(describeProblem(new Problem({ status: 599, code: "http.599" }), t).title).toBe("problem.unexpected.title");
  });
});
