import type { ReactNode } from "react";
import type { UseQueryResult } from "@tanstack/react-query";
import { Problem } from "../api/problem";
import { useText } from "../language/provider";
import { Button } from "./button";
import { describeProblem } from "./problem-words";

/** Shown while an answer is awaited; announced once. */
export function Loading() {
  const t = useText();
  return (
    <div className="loading" role="status">
      <span className="loading-arch" aria-hidden="true" />
      {t("app.loading")}
    </div>
  );
}

interface NoticeProps {
  tone: "info" | "good" | "problem" | "caution";
  title?: string;
  children?: ReactNode;
  live?: boolean;
}

export function Notice({ tone, title, children, live = false }: NoticeProps) {
  return (
    <div className={`notice notice-${tone}`} {...(live ? { role: "status" } : {})}>
      {title ? <p className="notice-title">{title}</p> : null}
      {children}
    </div>
  );
}

/** What went wrong, in words, with the reference to tell the clinic and a way to try again. */
export function ProblemNotice({ failure, retry, wholePage = false }: { failure: unknown; retry?: (() => void) | undefined; wholePage?: boolean }) {
  const t = useText();
  const problem = failure instanceof Problem ? failure : new Problem({ status: -1, code: "client.unexpected" });
  const words = describeProblem(problem, t);
  const Heading = wholePage ? "h1" : "h2";
  return (
    <div className="notice notice-problem" role="alert">
      <Heading className="notice-title">{words.title}</Heading>
      <p>{words.text}</p>
      {problem.requestId ? <p className="reference">{t("problem.reference", { request: problem.requestId })}</p> : null}
      {retry ? (
        <Button kind="secondary" onPress={retry}>
          {t("app.tryAgain")}
        </Button>
      ) : null}
    </div>
  );
}

/** A query's three states: waiting, failed, answered. */
export function Answered<T>({ query, children }: { query: UseQueryResult<T, Error>; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.isError) return <ProblemNotice failure={query.error} retry={() => void query.refetch()} />;
  return <Loading />;
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <svg viewBox="0 0 96 72" width="96" height="72" aria-hidden="true">
        <path d="M8 72V36a16 16 0 0 1 32 0v36M32 72V36a16 16 0 0 1 32 0v36M56 72V36a16 16 0 0 1 32 0v36" />
      </svg>
      <h2>{title}</h2>
      {children}
    </div>
  );
}
