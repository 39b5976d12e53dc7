//! Authorization codes: in memory, for a minute, for one use.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use agw_core::AgentId;
use sha2::{Digest as _, Sha256};

use super::issue::Consent;
use crate::{bounds, random};

type Hash = [u8; 32];

/// All codes that were given out lately, by their hash.
#[derive(Debug, Default)]
pub(crate) struct Codes(Mutex<HashMap<Hash, (Instant, Code)>>);

#[derive(Debug)]
enum Code {
    Fresh(Box<Consent>),
    Used { agent: Option<AgentId>, again: bool },
}

/// What a code turned out to be.
#[derive(Debug)]
pub(super) enum Taken {
    Fresh(Box<Consent>, Ticket),
    /// It was used before, for this agent if for any: somebody has seen it who
    /// should not have.
    Again(Option<AgentId>),
    Unknown,
}

/// Of a code that is just being used.
#[derive(Debug)]
pub(super) struct Ticket(Hash);

impl Codes {
    /// A new code; `None` if there are too many, or no random bytes.
    pub(super) fn give(&self, consent: Consent) -> Option<String> {
        let code = random::text::<32>().ok()?;
        let mut codes = self.open();
        if codes.len() >= bounds::CODES_MAX {
            return None;
        }
        codes.insert(hash(&code), (Instant::now(), Code::Fresh(Box::new(consent))));
        Some(code)
    }

    pub(super) fn take(&self, code: &str) -> Taken {
        let hash = hash(code);
        let mut codes = self.open();
        let Some((made, code)) = codes.get_mut(&hash) else { return Taken::Unknown };
        let used = Code::Used { agent: None, again: false };
        match code {
            Code::Fresh(_) if made.elapsed() >= bounds::CODE_LIFE => Taken::Unknown,
            Code::Fresh(_) => match std::mem::replace(code, used) {
                Code::Fresh(consent) => Taken::Fresh(consent, Ticket(hash)),
                Code::Used { .. } => Taken::Unknown,
            },
            Code::Used { agent, again } => {
                *again = true;
                Taken::Again(*agent)
            }
        }
    }

    /// The code's agent has its tokens. Returns whether the code was used
    /// again meanwhile.
    pub(super) fn issued(&self, ticket: &Ticket, to: AgentId) -> bool {
        match self.open().get_mut(&ticket.0) {
            Some((_, Code::Used { agent, again })) => {
                *agent = Some(to);
                *again
            }
            _ => false,
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Hash, (Instant, Code)>> {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        codes.retain(|_, (made, code)| {
            let kept = match code {
                Code::Fresh(_) => bounds::CODE_LIFE,
                Code::Used { .. } => bounds::CODE_REMEMBERED,
            };
            made.elapsed() < kept
        });
        codes
    }
}

fn hash(code: &str) -> Hash {
    Sha256::digest(code.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::{Audience, clients::Client, issue::Becomes};

    fn consent() -> Consent {
        Consent {
            user: agw_core::UserId::new(1),
            client: Client::example(),
            redirect: String::new(),
            host: String::new(),
            challenge: String::new(),
            audience: Audience::at(crate::door::Site::Loopback, None),
            becomes: Becomes::New { scope: Vec::new(), expires_at: None },
        }
    }

    /// As if that much time had passed.
    fn age(codes: &Codes, by: std::time::Duration) {
        for (made, _) in codes.0.lock().unwrap().values_mut() {
            *made = made.checked_sub(by).unwrap();
        }
    }

    #[test]
    fn a_code_is_good_for_a_minute_and_remembered_for_ten() {
        let codes = Codes::default();
        let code = codes.give(consent()).unwrap();
        age(&codes, bounds::CODE_LIFE);
        assert!(matches!(codes.take(&code), Taken::Unknown));
        let code = codes.give(consent()).unwrap();
        age(&codes, bounds::CODE_LIFE / 2);
        let Taken::Fresh(_, ticket) = codes.take(&code) else { panic!("it was good") };
        assert!(!codes.issued(&ticket, AgentId::new(7)));
        age(&codes, bounds::CODE_LIFE);
        assert!(matches!(codes.take(&code), Taken::Again(Some(agent)) if agent == AgentId::new(7)));
        age(&codes, bounds::CODE_REMEMBERED);
        assert!(matches!(codes.take(&code), Taken::Unknown));
    }

    #[test]
    fn a_code_that_is_used_again_while_its_tokens_are_made_is_noticed() {
        let codes = Codes::default();
        let code = codes.give(consent()).unwrap();
        let Taken::Fresh(_, ticket) = codes.take(&code) else { panic!("it was good") };
        assert!(matches!(codes.take(&code), Taken::Again(None)));
        assert!(codes.issued(&ticket, AgentId::new(7)));
    }

    #[test]
    fn there_is_a_bound_on_codes() {
        let codes = Codes::default();
        for _ in 0..bounds::CODES_MAX {
            assert!(codes.give(consent()).is_some());
        }
        assert!(codes.give(consent()).is_none());
    }
}
