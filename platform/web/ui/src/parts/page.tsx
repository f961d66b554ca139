import { useEffect, useRef, type ReactNode } from "react";
import { useText } from "../language/provider";
import { useClinic } from "../clinic/context";

let firstPage = true;

interface PageProps {
  title: string;
  /** A line above the heading, such as the kind of a test. */
  eyebrow?: string | undefined;
  before?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/** The title, the heading and the focus of one page; a page reached within the app is announced by its heading. */
export function Page({ title, eyebrow, before, actions, children }: PageProps) {
  const heading = usePageTitle(title);
  return (
    <>
      {before}
      <div className="page-head">
        <div>
          {eyebrow ? <p className="eyebrow">{eyebrow}</p> : null}
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
        </div>
        {actions ? <div className="page-actions">{actions}</div> : null}
      </div>
      {children}
    </>
  );
}

/** Sets the document's title and moves the focus to the heading when the page changes. */
export function usePageTitle(title: string) {
  const t = useText();
  const clinic = useClinic();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = t("app.title", { page: title, clinic: clinic.name });
  }, [t, title, clinic.name]);
  useEffect(() => {
    if (firstPage) firstPage = false;
    else heading.current?.focus();
  }, []);
  return heading;
}
