/** The tabs of the page, as the address names them. */
export const AUDIT_VIEWS = ["trail", "proof", "settings"] as const;
export type AuditPart = (typeof AUDIT_VIEWS)[number];
