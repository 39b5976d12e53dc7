import type { ReactNode } from "react";

interface PageHeadProps {
  title: string;
  /** One line below it: what the page is for, or that one may only look. */
  hint?: ReactNode;
  /** Buttons at the right; the main one last. */
  children?: ReactNode;
}

/** The head of every page. The shell moves the focus to its title when somebody comes to the page. */
export function PageHead({ title, hint, children }: PageHeadProps) {
  return (
    <div className="page-head">
      <div className="page-title">
        <h1>{title}</h1>
        {hint !== undefined && <p className="page-hint">{hint}</p>}
      </div>
      {children !== undefined && <div className="page-actions">{children}</div>}
    </div>
  );
}
