/** The parts of the page of people and agents, as its address names them. */
export const PEOPLE_VIEWS = ["people", "clients"] as const;
export type PeoplePart = (typeof PEOPLE_VIEWS)[number];
