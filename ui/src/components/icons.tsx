import type { ReactNode } from "react";

const SHAPES = {
  add: <path d="M12 5v14M5 12h14" />,
  alert: <path d="M12 4l9 16H3zM12 10v4M12 17v.01" />,
  book: <path d="M6 4h12v16H6zM9 8h6M9 12h6M9 16h3" />,
  check: <path d="M5 12.5l4.500 4.500L19 7.500" />,
  clock: <path d="M12 3a9 9 0 110 18 9 9 0 010-18M12 7v5l3 2" />,
  copy: <path d="M9 9h11v11H9zM5 15V4h11" />,
  cross: <path d="M6 6l12 12M18 6L6 18" />,
  dash: <path d="M6 12h12" />,
  down: <path d="M6 9l6 6 6-6" />,
  download: <path d="M12 4v11M7.500 10.500L12 15l4.500-4.500M5 20h14" />,
  eye: <path d="M2.500 12s3.500-6.500 9.500-6.500S21.500 12 21.500 12s-3.500 6.500-9.500 6.500S2.500 12 2.500 12M12 9.500a2.500 2.500 0 110 5 2.500 2.500 0 010-5" />,
  filter: <path d="M4 6h16M7 12h10M10 18h4" />,
  hand: <path d="M8 12V6a1.500 1.500 0 013 0v5M11 10V4.500a1.500 1.500 0 013 0V11M14 11V6.500a1.500 1.500 0 013 0V15a6 6 0 01-6 6c-3 0-4-1.500-6-5l-1-2a1.500 1.500 0 012.500-1.500L8 14" />,
  gear: <path d="M12 9a3 3 0 110 6 3 3 0 010-6M12 3v3M12 18v3M3 12h3M18 12h3M5.600 5.600l2.200 2.200M16.200 16.200l2.200 2.200M18.400 5.600l-2.200 2.200M7.800 16.200l-2.200 2.200" />,
  home: <path d="M4 11l8-7 8 7v9h-5v-6H9v6H4z" />,
  key: <path d="M8 11a4 4 0 110 8 4 4 0 010-8M11 12l8-8M16 7l3 3M14 9l2 2" />,
  keyboard: <path d="M3 6h18v12H3zM7 10v.01M11 10v.01M15 10v.01M17 14v.01M7 14v.01M10 14h4" />,
  leave: <path d="M14 4h5v16h-5M10 8l-4 4 4 4M6 12h9" />,
  lock: <path d="M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 017 0v3" />,
  search: <path d="M10.500 4a6.500 6.500 0 110 13 6.500 6.500 0 010-13M15.500 15.500L20 20" />,
  more: <path d="M6 12v.01M12 12v.01M18 12v.01" />,
  off: <path d="M12 4v8M7.500 6.500a7.500 7.500 0 109 0" />,
  page: <path d="M6 3h8l4 4v14H6zM14 3v4h4" />,
  pages: <path d="M9 3h7l3 3v11H9zM15.500 3v3.500H19M5 7v14h10" />,
  pause: <path d="M9 5v14M15 5v14" />,
  people: <path d="M9 4.500a3.500 3.500 0 110 7 3.500 3.500 0 010-7M3 20c0-3.500 2.500-6 6-6s6 2.500 6 6M16 5a3.500 3.500 0 010 6.500M17.500 14.500c2 .8 3.500 2.800 3.500 5.500" />,
  play: <path d="M7 5l12 7-12 7z" />,
  plug: <path d="M9 3v5M15 3v5M6 8h12v3a6 6 0 01-12 0zM12 17v4" />,
  shield: (
    <>
      <path d="M12 3l7 3v5c0 4.600-2.900 8.300-7 10-4.100-1.700-7-5.400-7-10V6z" />
      <path d="M9 12l2 2 4-4" />
    </>
  ),
  speech: <path d="M4 5h16v11h-9l-4.500 4V16H4z" />,
  sun: <path d="M12 8a4 4 0 110 8 4 4 0 010-8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.500 1.500M17.500 17.500L19 19M19 5l-1.500 1.500M6.500 17.500L5 19" />,
  tool: <path d="M14.500 6.500a4 4 0 015-1l-3 3 .5 2 2 .5 3-3a4 4 0 01-5.500 5L9 20.500 5.500 17l7.500-7.500a4 4 0 011.500-3" />,
  question: <path d="M12 3a9 9 0 110 18 9 9 0 010-18M9.500 9.500a2.500 2.500 0 115 0c0 1.700-2.500 2-2.500 3.700M12 16.500v.01" />,
  up: <path d="M12 19V6M6 11.500L12 5.500l6 6" />,
  trash: <path d="M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5" />,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof SHAPES;

/** Decoration only: the text beside it carries the meaning. */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      className="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={2}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {SHAPES[name]}
    </svg>
  );
}
