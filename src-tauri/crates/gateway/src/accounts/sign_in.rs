//! What a caller is told whose account is not there, or no longer good.

use agw_api::SignInKind;

/// What keeps a call or a listing from an account, and where to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignIn {
    pub(super) connection: String,
    pub(super) link: String,
    pub(super) kind: SignInKind,
    pub(super) why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    Never,
    /// In the gateway's own words.
    Ended(String),
    /// The upstream wants more rights than the account has.
    More,
    /// It has asked for more too often.
    TooOften,
    /// The token was out of date; there is a new one now.
    Renewed,
    /// The authorization server gives no answer.
    Later,
}

impl std::fmt::Display for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.message(), self.next())
    }
}

impl SignIn {
    pub(crate) fn code(&self) -> &'static str {
        match self.why {
            Why::Never | Why::Ended(_) => "sign_in_needed",
            Why::More => "sign_in_for_more",
            Why::TooOften => "sign_in_in_vain",
            Why::Renewed => "sign_in_renewed",
            Why::Later => "sign_in_unavailable",
        }
    }

    /// Whether the same call may go through in a moment.
    pub(crate) fn passes(&self) -> bool {
        matches!(self.why, Why::Renewed | Why::Later)
    }

    pub(crate) fn message(&self) -> String {
        let name = &self.connection;
        let whose = match self.kind {
            SignInKind::Team => "the team's account",
            SignInKind::User => "your account",
        };
        match &self.why {
            Why::Never => format!(
                "The system behind this tool wants a sign-in: {whose} with {name} is not connected."
            ),
            Why::Ended(why) => format!("The sign-in to {name} with {whose} has ended: {why}."),
            Why::More => format!("{name} wants more rights for this than {whose} was given."),
            Why::TooOften => format!(
                "{name} does not accept the rights that {whose} was given, however often it is connected anew."
            ),
            Why::Renewed => format!(
                "The sign-in to {name} was out of date and is renewed now; the call was not done."
            ),
            Why::Later => format!("The sign-in to {name} cannot be renewed at the moment."),
        }
    }

    /// For the connection's own state.
    pub(crate) fn for_admins(&self) -> String {
        let Self { link, kind, .. } = self;
        let list = match kind {
            SignInKind::Team => "the team's account",
            SignInKind::User => "an admin's account, with which its tools are listed,",
        };
        match &self.why {
            Why::Never => format!("{list} is not connected; open {link}"),
            Why::Ended(why) => format!("{list} has ended: {why}; open {link}"),
            Why::More => format!("it wants more rights than {list} has; open {link}"),
            Why::TooOften | Why::Renewed | Why::Later => self.message(),
        }
    }

    pub(crate) fn next(&self) -> String {
        let Self { connection, link, .. } = self;
        let again = if self.why == Why::Never { "Connect" } else { "Reconnect" };
        match (&self.why, self.kind) {
            (Why::Renewed, _) => "Call again.".into(),
            (Why::Later, _) => "Nothing was done. Try again in a minute.".into(),
            (Why::TooOften, _) => "Nothing was done. Do not retry; ask an administrator to look at the rights of that account.".into(),
            (_, SignInKind::User) => format!(
                "Nothing was done. Give your user this link: {again} {connection}: {link} - then call again."
            ),
            (_, SignInKind::Team) => format!(
                "Nothing was done. Ask an administrator to open this link: {again} {connection}: {link} - then call again."
            ),
        }
    }
}
