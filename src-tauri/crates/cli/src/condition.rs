//! Putting together the condition of a grant from `--when` and `--where`.

use agw_api::{CheckCondition, CheckedCondition, ErrorBody, Rule, codes};

use crate::context::Context;
use crate::error::CliError;

/// `when` and the rules, joined by the gateway; the condition that is sent on.
/// Without rules that is `when` itself, which is checked when it is saved.
pub(crate) async fn assemble(
    context: &Context<'_>,
    tool: &str,
    when: Option<String>,
    rules: Vec<Rule>,
) -> Result<Option<String>, CliError> {
    if rules.is_empty() {
        return Ok(when);
    }
    let request = CheckCondition { tool: tool.to_owned(), when: when.clone(), rules };
    let checked: Result<CheckedCondition, CliError> =
        context.client.post("/api/v1/conditions", &request).await.map_err(CliError::from);
    let checked = checked.map_err(|error| error.about(when.as_deref()))?;
    let Some(problem) = checked.problem else {
        return Ok(Some(checked.when));
    };
    let next = "Correct --when and --where; `agw tool TOOL` shows what arguments there are.";
    let body = ErrorBody::new(codes::INVALID_CONDITION, problem, next);
    let body = ErrorBody { place: checked.place, ..body };
    Err(CliError::Condition { body: Box::new(body), when: checked.when })
}
