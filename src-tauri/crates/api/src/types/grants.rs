//! Grants, and questions about them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Place;

/// What a grant does to a call that it matches. Deny beats ask beats allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    Allow,
    /// A person decides on each call.
    Ask,
    Deny,
}

/// `POST /api/v1/grants`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGrant {
    /// `USER`, `team:TEAM` or `USER/AGENT`.
    pub subject: String,
    /// A tool id (`gmail.send`), a connection's tools (`gmail.*`), all (`*`),
    /// or those of an effect (`*:read`, `gmail.*:destructive`).
    pub tool: String,
    pub effect: Effect,
    /// A condition in CEL over `args`, `user`, `agent`, `connection` and `now`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// RFC 3339, or a time from now (`7d`); none means never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Calls in a time: `10/min`, `200/day`; also `/s` and `/h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// The version of the grant that this replaces, as last seen, 0 for none; refused with
    /// 409 if it is at another one by now or gone. Without it, the last word
    /// counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// `PUT /api/v1/grants/{id}`: all of it is replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditGrant {
    pub subject: String,
    pub tool: String,
    pub effect: Effect,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// As last seen; refused with 409 if it is at another one by now.
    pub version: u64,
}

/// A rule of the permission map. There is one for each subject, tool pattern
/// and condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    pub id: String,
    pub subject: String,
    pub tool: String,
    pub effect: Effect,
    #[serde(default)]
    pub when: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    pub expires_at: Option<String>,
    /// As in [`NewGrant`].
    #[serde(default)]
    pub rate: Option<String>,
    /// Tools on offer that it is about.
    #[serde(default)]
    pub covers: u32,
    /// Those that its pattern came to cover after it was last changed.
    #[serde(default)]
    pub new_tools: Vec<String>,
    pub version: u64,
    /// RFC 3339.
    pub created_at: String,
}

/// Several changes of the permission map, made together or not at all:
/// `POST /api/v1/changes`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<NewGrant>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edit: Vec<ChangedGrant>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<GrantRef>,
}

/// An edit of one grant within a [`Change`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedGrant {
    pub id: String,
    pub subject: String,
    pub tool: String,
    pub effect: Effect,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// As last seen; refused with 409 if it is at another one by now.
    pub version: u64,
}

impl ChangedGrant {
    /// The edit of the grant of this id.
    pub fn new(id: String, edit: EditGrant) -> Self {
        let EditGrant { subject, tool, effect, when, expires, rate, version } = edit;
        Self { id, subject, tool, effect, when, expires, rate, version }
    }

    /// Its id, and the edit.
    pub fn into_edit(self) -> (String, EditGrant) {
        let Self { id, subject, tool, effect, when, expires, rate, version } = self;
        (id, EditGrant { subject, tool, effect, when, expires, rate, version })
    }
}

/// A grant at the version that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantRef {
    pub id: String,
    pub version: u64,
}

/// `POST /api/v1/simulations`: what a change would have done to past calls.
/// Nothing is changed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Simulate {
    pub change: Change,
    /// How far back: a time such as `7d`, which is also what is taken if it is
    /// left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// `allow`, `ask` or `deny`, and `unknown` where a condition depends on
/// arguments that the trail does not keep.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Allow,
    Ask,
    Deny,
    Unknown,
}

/// Answer to [`Simulate`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Simulation {
    /// Calls that were replayed.
    pub calls: u64,
    /// Those that would be decided otherwise, `unknown` ones not counted.
    pub flipped: u64,
    /// Those of which nothing can be said.
    pub unknown: u64,
    /// Whether the period holds more calls than are replayed at once; the
    /// newest are.
    pub truncated: bool,
    /// Users whose calls flip.
    pub users: Vec<String>,
    /// Tools whose calls flip.
    pub tools: Vec<String>,
    /// Calls of one caller and tool that change in the same way, most first;
    /// the unknown ones too.
    pub flips: Vec<Flip>,
}

/// See [`Simulation::flips`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Flip {
    pub user: String,
    pub agent: Option<String>,
    pub tool: String,
    pub before: Verdict,
    pub after: Verdict,
    pub calls: u64,
    /// RFC 3339: the newest of them.
    pub last_at: String,
}

/// Why something is suggested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuggestionKind {
    /// The grant was not used in the period.
    Unused,
    /// The pattern can be narrowed to the tools that were used.
    Narrow,
}

/// A change of the permission map that the trail speaks for.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Suggestion {
    pub kind: SuggestionKind,
    pub grant: Grant,
    /// In one sentence.
    pub reason: String,
    pub change: Change,
}

/// `POST /api/v1/explain`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// `USER` or `USER/AGENT`.
    pub caller: String,
    pub tool: String,
    /// The arguments, as JSON text; without them conditions on `args` do not
    /// hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<String>,
}

/// How a call would be decided now, and why.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// `allow`, `ask` or `deny`.
    pub decision: Verdict,
    /// Stable reason code.
    pub reason: String,
    /// In one sentence.
    pub sentence: String,
    /// Ids of the grants that decided.
    pub grants: Vec<String>,
    /// Every grant that is about this caller and tool, in the order they count.
    pub steps: Vec<ExplainedGrant>,
    /// What would have to change for the call to be allowed.
    pub needs: Option<String>,
    pub policy_version: u64,
}

/// A grant's part in a decision.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ExplainedGrant {
    pub grant: Grant,
    pub outcome: GrantOutcome,
    /// Which part of the condition failed, and on which values; or how much
    /// of the rate is left.
    pub detail: Option<String>,
}

/// See [`ExplainedGrant`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrantOutcome {
    /// It matches the call.
    Matched,
    ConditionFalse,
    /// Its condition could not be evaluated: as an allow it does not count,
    /// as an ask or deny it denies.
    ConditionFailed,
    Expired,
    /// It matches, but its rate is used up.
    RateUsedUp,
}

/// The common conditions, without CEL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Rule {
    /// Every item of a list of texts ends with this.
    EveryItemEndsWith { field: String, ends_with: String },
    /// The field is one of these texts or numbers.
    OneOf { field: String, values: Vec<serde_json::Value> },
    /// The field is a number of at most this.
    AtMost { field: String, limit: f64 },
    /// The field matches a regular expression.
    Matches { field: String, pattern: String },
    /// Only from one full hour to another, of this time zone; the second may
    /// be the smaller one (`22` to `6`).
    Between { from: u8, to: u8, zone: String },
}

/// `POST /api/v1/conditions`: puts a condition together and checks it.
/// Nothing is stored.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckCondition {
    /// The tool or pattern that it is for.
    pub tool: String,
    #[serde(default)]
    pub when: Option<String>,
    /// Joined with `when` by `&&`.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// Answer to [`CheckCondition`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CheckedCondition {
    /// The whole condition in CEL.
    pub when: String,
    /// What is wrong with it.
    pub problem: Option<String>,
    pub place: Option<Place>,
}
