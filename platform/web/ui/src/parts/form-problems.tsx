import { useCallback, useEffect, useMemo, useRef, useState, type MouseEvent } from "react";
import { Problem } from "../api/problem";
import { useText, type Translate } from "../language/provider";
import { describeProblem } from "./problem-words";

/** One line of the error summary; `field` is the id of the input it is about. */
export interface FormMessage {
  field: string | null;
  text: string;
  hint?: string | undefined;
  /** Where to go instead of a field, such as to the beginning. */
  href?: string;
}

export interface FormProblems {
  messages: FormMessage[];
  /** Changes with each attempt, so that the summary takes the focus again. */
  attempt: number;
  show: (messages: FormMessage[]) => void;
  /** Shows what a failed call means; `known` translates codes of this form and comes first. */
  showFailure: (failure: unknown, known?: (problem: Problem) => FormMessage[] | null) => void;
  clear: () => void;
  of: (field: string) => string | undefined;
}

export function useFormProblems(): FormProblems {
  const t = useText();
  const [state, setState] = useState<{ messages: FormMessage[]; attempt: number }>({ messages: [], attempt: 0 });
  const show = useCallback((messages: FormMessage[]) => setState((was) => ({ messages, attempt: was.attempt + 1 })), []);
  const clear = useCallback(() => setState((was) => ({ ...was, messages: [] })), []);
  const showFailure = useCallback(
    (failure: unknown, known?: (problem: Problem) => FormMessage[] | null) => {
      if (!(failure instanceof Problem)) throw failure;
      show(known?.(failure) ?? [generalMessage(failure, t)]);
    },
    [show, t],
  );
  return useMemo(
    () => ({ ...state, show, showFailure, clear, of: (field: string) => state.messages.find((message) => message.field === field)?.text }),
    [state, show, showFailure, clear],
  );
}

function generalMessage(problem: Problem, t: Translate): FormMessage {
  const words = describeProblem(problem, t);
  return { field: null, text: words.title, hint: words.text };
}

/** The GOV.UK error summary: first on the page, takes the focus, each line leads to its field. */
export function ErrorSummary({ problems }: { problems: FormProblems }) {
  const t = useText();
  const box = useRef<HTMLDivElement>(null);
  const { messages, attempt } = problems;
  useEffect(() => {
    if (messages.length > 0) box.current?.focus();
  }, [attempt, messages.length]);
  if (messages.length === 0) return null;
  const jump = (event: MouseEvent, field: string) => {
    event.preventDefault();
    document.getElementById(field)?.focus();
  };
  return (
    <div className="error-summary" ref={box} tabIndex={-1} role="alert" aria-labelledby="error-summary-title">
      <h2 id="error-summary-title">{t("summary.title")}</h2>
      <ul>
        {messages.map(({ field, text, hint, href }) => (
          <li key={`${field}${text}`}>
            {field ? (
              <a href={`#${field}`} onClick={(event) => jump(event, field)}>
                {text}
              </a>
            ) : href ? (
              <a href={href}>{text}</a>
            ) : (
              <strong>{text}</strong>
            )}
            {hint ? <p>{hint}</p> : null}
          </li>
        ))}
      </ul>
    </div>
  );
}
