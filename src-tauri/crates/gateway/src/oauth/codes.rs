//! Authorization codes: in memory, for a minute, for one use.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use agw_core::AgentId;
use sha2::{Digest as _, Sha256};

use super::issue::Consent;
use crate::bounds;

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
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).ok()?;
        let code: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
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
