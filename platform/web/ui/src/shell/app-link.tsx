import type { MouseEvent, ReactNode } from "react";
import { useRouter } from "@tanstack/react-router";

interface AppLinkProps {
  to: string;
  className?: string;
  current?: boolean;
  label?: string;
  children: ReactNode;
  onFocusChange?: (focused: boolean) => void;
}

/** A link to a page of this app. The parts shared by both apps know paths, not either app's routes. */
export function AppLink({ to, className, current, label, children, onFocusChange }: AppLinkProps) {
  const router = useRouter();
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    router.history.push(to);
    window.scrollTo(0, 0);
  };
  return (
    <a
      href={to}
      className={className}
      aria-current={current ? "page" : undefined}
      aria-label={label}
      onClick={follow}
      onFocus={onFocusChange ? () => onFocusChange(true) : undefined}
      onBlur={onFocusChange ? () => onFocusChange(false) : undefined}
    >
      {children}
    </a>
  );
}
