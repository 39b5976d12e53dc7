//! Calls that take several rounds: a server that answers "input required"
//! wants something of the client and is then called again (MCP 2026-07-28,
//! Multi Round-Trip Requests). A server of the older era says the like with
//! an error of its own when a person has to open a URL first.

use std::{borrow::Cow, collections::BTreeMap};

use agw_core::json::write_string;
use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    bounds,
    pipeline::{Answers, ClientAnswer, Era, Operation, Wanted, WantedOf},
    upstream::{
        UpstreamError,
        jsonrpc::Answer,
        talk::{CANCELLED, Talk, wanted_of},
    },
};

/// What URLElicitationRequired is called in JSON-RPC (MCP 2025-11-25).
const URL_REQUIRED: i64 = -32_042;

#[derive(Debug)]
pub(super) enum Round {
    Last(Answer),
    /// Call again with these members added to `params`.
    Again(String),
}

/// What to do with an answer of a server of this era.
pub(super) async fn after(talk: &Talk, era: Era, answer: Answer) -> Result<Round, UpstreamError> {
    let several = matches!(
        talk.armed.operation(),
        Operation::CallTool | Operation::GetPrompt | Operation::ReadResource
    );
    match (&answer, era) {
        (Answer::Result(json), Era::Stateless) => {
            let Some(required) = input_required(json)? else { return Ok(Round::Last(answer)) };
            if !several {
                return Err(UpstreamError::Malformed("this request takes no input".into()));
            }
            provide(talk, required).await
        }
        (Answer::Error(json), Era::Session)
            // A client of the stateless era must never see this error.
            if talk.armed.client().era == Era::Stateless
                && memmem::find(json, b"-32042").is_some() =>
        {
            let Some(wanted) = url_required(talk, json)? else { return Ok(Round::Last(answer)) };
            let answers = talk.ask(wanted.clone()).await.map_err(|_| UpstreamError::Unanswered)?;
            let accepted = wanted.iter().all(|wanted| accepts(&answers, &wanted.key));
            if accepted { Ok(Round::Again(String::new())) } else { Err(UpstreamError::Unanswered) }
        }
        _ => Ok(Round::Last(answer)),
    }
}

#[derive(Deserialize)]
struct InputRequired<'a> {
    #[serde(borrow, default, rename = "resultType")]
    result_type: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "inputRequests")]
    requests: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "requestState")]
    state: Option<&'a RawValue>,
}

fn input_required(json: &[u8]) -> Result<Option<InputRequired<'_>>, UpstreamError> {
    // What is no object is refused further on.
    if !json.trim_ascii_start().starts_with(b"{") {
        return Ok(None);
    }
    let required: InputRequired<'_> = serde_json::from_slice(json)
        .map_err(|e| UpstreamError::Malformed(format!("its result: {e}")))?;
    Ok(Some(required).filter(|required| required.result_type.as_deref() == Some("input_required")))
}

#[derive(Deserialize)]
struct InputRequest<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

/// Has the client provide what is required.
async fn provide(talk: &Talk, required: InputRequired<'_>) -> Result<Round, UpstreamError> {
    let malformed = |what: &str| UpstreamError::Malformed(format!("its input request: {what}"));
    let mut again = String::new();
    if let Some(state) = required.state {
        if !state.get().starts_with('"') {
            return Err(malformed("its state is no string"));
        }
        again = format!(r#","requestState":{}"#, state.get());
    }
    let Some(requests) = required.requests else {
        if again.is_empty() {
            return Err(malformed("it neither asks nor has a state"));
        }
        tokio::time::sleep(bounds::ROUND_PAUSE).await;
        return Ok(Round::Again(again));
    };
    let requests: BTreeMap<String, InputRequest<'_>> =
        serde_json::from_str(requests.get()).map_err(|e| malformed(&e.to_string()))?;
    let mut wanted = Vec::with_capacity(requests.len());
    for (key, request) in requests {
        if key.len() > bounds::QUESTION_KEY_MAX || !talk.is_safe(&key) {
            return Err(malformed("its key is too long, or holds a credential"));
        }
        let what = wanted_of(&request.method).ok_or_else(|| malformed("an unknown method"))?;
        let params = request.params.map_or("{}", RawValue::get);
        if !params.starts_with('{') {
            return Err(malformed("the params are no object"));
        }
        let params = match talk.armed.client().era {
            Era::Session => with_id(params),
            Era::Stateless => Cow::Borrowed(params),
        };
        wanted.push(talk.wanted(key, what, &params));
    }
    let answers = if wanted.is_empty() {
        Answers::new()
    } else {
        talk.ask(wanted.clone()).await.unwrap_or_default()
    };
    again.push_str(r#","inputResponses":{"#);
    again.push_str(&responses(&wanted, answers)?);
    again.push('}');
    Ok(Round::Again(again))
}

/// In the older era a URL that a person shall open has an id.
fn with_id(params: &str) -> Cow<'_, str> {
    #[derive(Deserialize)]
    struct Elicited<'a> {
        #[serde(borrow, default)]
        mode: Option<Cow<'a, str>>,
        #[serde(borrow, default, rename = "elicitationId")]
        id: Option<&'a RawValue>,
    }
    let url = serde_json::from_str::<Elicited<'_>>(params)
        .is_ok_and(|elicited| elicited.mode.as_deref() == Some("url") && elicited.id.is_none());
    match params.strip_prefix('{').filter(|_| url) {
        Some(rest) => format!(r#"{{"elicitationId":"{}",{rest}"#, ulid::Ulid::generate()).into(),
        None => Cow::Borrowed(params),
    }
}

/// The members of `inputResponses`.
fn responses(wanted: &[Wanted], mut answers: Answers) -> Result<String, UpstreamError> {
    let mut given: Vec<(String, Cow<'_, str>)> = Vec::new();
    for wanted in wanted {
        match (answers.remove(&wanted.key), wanted.what) {
            (Some(ClientAnswer::Result(json)), _) => {
                given
                    .push((wanted.key.clone(), String::from_utf8_lossy(&json).into_owned().into()));
            }
            (_, WantedOf::Elicitation) => given.push((wanted.key.clone(), CANCELLED.into())),
            // There is no way to say so in an answer of this kind.
            (_, WantedOf::Sampling | WantedOf::Roots) => return Err(UpstreamError::Unanswered),
        }
    }
    for (key, answer) in answers {
        if let ClientAnswer::Result(json) = answer {
            given.push((key, String::from_utf8_lossy(&json).into_owned().into()));
        }
    }
    let mut members = String::new();
    for (at, (key, json)) in given.iter().enumerate() {
        if at > 0 {
            members.push(',');
        }
        write_string(key, &mut members);
        members.push(':');
        members.push_str(json);
    }
    Ok(members)
}

/// The URLs that a person has to open before the call can be made.
fn url_required(talk: &Talk, json: &[u8]) -> Result<Option<Vec<Wanted>>, UpstreamError> {
    #[derive(Deserialize)]
    struct Refused<'a> {
        code: i64,
        #[serde(borrow, default)]
        data: Option<Data<'a>>,
    }
    #[derive(Deserialize)]
    struct Data<'a> {
        #[serde(borrow, default)]
        elicitations: Vec<&'a RawValue>,
    }
    // A client that must not see this error does not see a broken one either.
    let refused: Refused<'_> = serde_json::from_slice(json)
        .map_err(|e| UpstreamError::Malformed(format!("its error: {e}")))?;
    if refused.code != URL_REQUIRED {
        return Ok(None);
    }
    let elicitations = refused.data.map(|data| data.elicitations).unwrap_or_default();
    if elicitations.is_empty() || elicitations.iter().any(|e| !e.get().starts_with('{')) {
        return Err(UpstreamError::Malformed("it wants a URL opened and names none".into()));
    }
    let wanted = elicitations.iter().enumerate().map(|(at, elicitation)| {
        talk.wanted(format!("url-{at}"), WantedOf::Elicitation, elicitation.get())
    });
    Ok(Some(wanted.collect()))
}

fn accepts(answers: &Answers, key: &str) -> bool {
    #[derive(Deserialize)]
    struct Elicited<'a> {
        #[serde(borrow)]
        action: Cow<'a, str>,
    }
    let Some(ClientAnswer::Result(json)) = answers.get(key) else { return false };
    serde_json::from_slice::<Elicited<'_>>(json).is_ok_and(|elicited| elicited.action == "accept")
}
