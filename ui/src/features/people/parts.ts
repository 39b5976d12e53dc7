/** The parts of the page, as the address names them. */
export const PEOPLE_PARTS = ["users", "agents", "teams", "clients"] as const;
export type PeoplePart = (typeof PEOPLE_PARTS)[number];
