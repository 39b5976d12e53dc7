/** The tabs of the page, as the address names them. */
export const GRANT_VIEWS = ["grid", "all", "suggestions", "why"] as const;
export type GrantsPart = (typeof GRANT_VIEWS)[number];
