import { strings } from "../../strings";

const t = strings.people;

/** What a form of an agent has beyond its name and scope: texts as they are typed, empty for the gateway's own. */
export interface AgentLimits {
  maxUses: string;
  clientTimeout: string;
}

const wholeNumber = (value: string) => (value.trim() === "" || /^[1-9]\d{0,8}$/.test(value.trim()) ? null : t.wholeNumber);

export const validateLimits = { maxUses: wholeNumber, clientTimeout: wholeNumber };

export function limitsOf({ maxUses, clientTimeout }: AgentLimits): { max_uses: number | null; client_timeout_seconds: number | null } {
  return { max_uses: numberOf(maxUses), client_timeout_seconds: numberOf(clientTimeout) };
}

function numberOf(text: string): number | null {
  return text.trim() === "" ? null : Number(text);
}
