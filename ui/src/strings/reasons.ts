/** Reason codes of decisions and refusals in plain words. Unknown codes are shown as they are. */
export const reasons: Record<string, string> = {
  granted: "Allowed by a grant",
  not_granted: "Nothing allows it",
  denied_by_grant: "A grant denies it",
  out_of_scope: "Outside the agent’s scope",
  condition_false: "A condition does not hold",
  condition_failed: "A condition could not be evaluated",
  rate_limited: "Its rate is used up",
  ask: "A person is asked",
  approval_pending: "A person was asked",
  approval_denied: "A person denied it",
  approval_expired: "Nobody answered in time",
  approval_too_long: "Its arguments are too long to approve",
  too_many_approvals: "Too many calls wait for a person",
  definition_changed: "The tool is not what was granted",
  rules_changed: "The rules changed while it waited",
  approved: "Approved by a person",
  paused: "Paused",
  token_missing: "No token was shown",
  token_malformed: "What was shown is no token",
  token_unknown: "Unknown token",
  token_revoked: "The token was revoked",
  token_expired: "The token has expired",
  token_in_arguments: "The arguments hold a token",
  uses_up: "The agent’s calls are used up",
  unknown_tool: "There is no such tool",
  malformed: "The call could not be read",
  invalid_arguments: "The arguments do not fit the tool",
  not_set_up: "The gateway is not set up",
  sealed: "The gateway is sealed",
  audit_unavailable: "It could not be recorded",
  bad_credentials: "Wrong name or password",
  overloaded: "The gateway is overloaded",
  too_many_calls: "Too many calls at once",
  cancelled: "The caller gave up",
  service_ended: "The gateway ended",
  internal: "A fault of the gateway",
};

/** In plain words, or the code itself. */
export function reasonWords(code: string): string {
  return (Object.hasOwn(reasons, code) ? reasons[code] : undefined) ?? code;
}
