//! Every bound of the gateway, in one place and by name.

use std::time::Duration;

/// Longest request body of an agent, in bytes.
pub(crate) const AGENT_BODY_MAX: usize = 4 << 20;
/// Longest request body of the admin API, in bytes.
pub(crate) const ADMIN_BODY_MAX: usize = 1 << 20;
/// Most members that a team is given at once.
pub(crate) const TEAM_MEMBERS: usize = 10_000;
/// Agents of one person; each is in every snapshot of the permission map.
pub(crate) const AGENTS_PER_PERSON: u64 = 1_000;
/// Longest answer of an upstream, in bytes.
pub(crate) const REPLY_MAX: usize = 16 << 20;
/// Longest list of tools that an upstream may have.
pub(crate) const TOOLS_PER_CONNECTION_MAX: usize = 5_000;
/// Most pages that a list of tools may come in.
pub(crate) const TOOL_PAGES_MAX: usize = 200;
/// Longest list in all, in bytes.
pub(crate) const LIST_MAX: usize = 32 << 20;
/// Longest definition of one tool, in bytes.
pub(crate) const TOOL_DEFINITION_MAX: usize = 256 << 10;
/// Changed definitions that one record names.
pub(crate) const DEFINITIONS_NAMED: usize = 20;
/// Lists of tools of one connection that are stored within a period; the last
/// one of those that come on top is stored at its end. A server may say
/// something else each time it is asked.
pub(crate) const LISTS_STORED: u32 = 10;
pub(crate) const LISTS_PERIOD: Duration = Duration::from_secs(60);
/// Most that one answer's event stream may carry, the answer included, in bytes.
pub(crate) const REPLY_STREAM_MAX: usize = 4 * REPLY_MAX;
/// Longest id of an upstream's own request, in bytes.
pub(crate) const UPSTREAM_ID_MAX: usize = 256;
/// Longest request of an upstream to a client, in bytes.
pub(crate) const ASIDE_MAX: usize = 1 << 20;
/// Longest notification of an upstream to clients, in bytes: a thousand may
/// wait for a client that reads slowly.
pub(crate) const NOTE_MAX: usize = 64 << 10;
/// Longest text that a server may say of how it is used, in characters.
pub(crate) const INSTRUCTIONS_MAX: usize = 16 << 10;
/// How long it may take to find out how a server speaks MCP; a third of the
/// start if that is less.
pub(crate) const PROBE: Duration = Duration::from_secs(5);
/// How long a call waits for the stream over which its upstream may ask
/// something.
pub(crate) const STREAM_OPENS: Duration = Duration::from_secs(1);
/// How often the stream of one answer may be taken up again, and the pause
/// before that: unless its server says otherwise, and at most.
pub(crate) const STREAM_RESUMES: u32 = 32;
pub(crate) const RESUME_PAUSE: Duration = Duration::from_secs(1);
pub(crate) const RESUME_PAUSE_MAX: Duration = Duration::from_secs(15);
/// Things that one call's client may be asked for, and how long each may take.
pub(crate) const ASKS_PER_CALL: usize = 32;
pub(crate) const ASK: Duration = Duration::from_secs(10 * 60);
/// How often one call may be sent again because its server wanted something
/// of the client, and the pause where it did not.
pub(crate) const ROUNDS_PER_CALL: u32 = 16;
pub(crate) const ROUND_PAUSE: Duration = Duration::from_millis(500);
/// How long one call may take with all that its client is asked.
pub(crate) const CALL_IN_ALL: Duration = Duration::from_secs(3600);
/// How long is waited, after an upstream said that a list has changed, for
/// others to change.
pub(crate) const LISTS_CHANGE: Duration = Duration::from_millis(100);
/// Child processes (or streams of HTTP with SSE) of one connection for those
/// who call, of them for one caller, and of all.
pub(crate) const WIRES_PER_CONNECTION: usize = 32;
pub(crate) const WIRES_PER_CALLER: usize = 4;
pub(crate) const WIRES_IN_ALL: usize = 256;
/// How often it is looked for them.
pub(crate) const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// How long a server of HTTP with SSE may take to accept a message.
pub(crate) const POSTING: Duration = Duration::from_secs(10);
/// Subscriptions to resources over one owner's link.
pub(crate) const SUBSCRIPTIONS_PER_OWNER: usize = 1_000;
/// How long a session over HTTP is kept that nobody uses.
pub(crate) const UPSTREAM_SESSION_IDLE: Duration = Duration::from_secs(3600);
/// Sessions with one upstream at a URL, and of them for one caller.
pub(crate) const UPSTREAM_SESSIONS_MAX: usize = 1_024;
pub(crate) const UPSTREAM_SESSIONS_PER_CALLER: usize = 16;
/// Calls of one caller that may be under way at once.
pub(crate) const CALLS_PER_CALLER: usize = 64;
/// Calls that may be under way at once.
pub(crate) const CALLS_IN_ALL: usize = 1_024;
/// Open MCP sessions of agents, and of one caller.
pub(crate) const AGENT_SESSIONS_MAX: usize = 4_096;
pub(crate) const AGENT_SESSIONS_PER_CALLER: usize = 1_024;
/// Resources that one session or stream may be told of.
pub(crate) const SUBSCRIPTIONS_MAX: usize = 256;
/// Messages in one body, where a revision allows several.
pub(crate) const BATCH_MAX: usize = 32;
/// Calls of one caller, and of all, that may wait for what their client is asked.
pub(crate) const PARKED_PER_CALLER: usize = 16;
pub(crate) const PARKED_IN_ALL: usize = 512;
/// Open streams of notifications to agents, and to one of them.
pub(crate) const STREAMS_MAX: usize = 4_096;
pub(crate) const STREAMS_PER_CALLER: usize = 1_024;
/// Messages that are answered over one stream of HTTP with SSE at once. More
/// than calls may be under way, whose questions are answered so, too.
pub(crate) const POSTS_PER_STREAM: usize = 128;
/// Words of a search for tools that are looked at.
pub(crate) const SEARCH_WORDS: usize = 32;
/// Longest key of a question to a client, in bytes.
pub(crate) const QUESTION_KEY_MAX: usize = 256;
/// How long a decision is not made again as long as the permission map is the same.
pub(crate) const DECISION_FRESH: Duration = Duration::from_secs(1);
/// Calls of one caller, and of all, that may wait for a person.
pub(crate) const APPROVALS_PER_CALLER: usize = 20;
pub(crate) const APPROVALS_IN_ALL: usize = 500;
/// Calls that are held for the same question at once.
pub(crate) const HELD_PER_APPROVAL: usize = 8;
/// Longest arguments that a person is asked about, in bytes.
pub(crate) const APPROVAL_ARGUMENTS_MAX: usize = 256 << 10;
/// Longest arguments that are kept to compare the next ones with, in bytes.
pub(crate) const BEFORE_MAX: usize = 32 << 10;
/// How long a person may take, and how long an answer waits to be picked up.
pub(crate) const APPROVAL_LIFE: Duration = Duration::from_secs(15 * 60);
/// How many approvals that are over are still shown.
pub(crate) const APPROVALS_SHOWN: usize = 100;
/// How long an answer for the session holds: with an MCP session, and without.
pub(crate) const SESSION_ANSWER: Duration = Duration::from_secs(8 * 3600);
pub(crate) const TOKEN_ANSWER: Duration = Duration::from_secs(3600);
/// After how many seconds clients give up on a call unless an agent's entry
/// says otherwise, and what may be said.
pub(crate) const CLIENT_TIMEOUT: u32 = 60;
pub(crate) const CLIENT_TIMEOUTS: std::ops::RangeInclusive<u32> = 5..=3_600;
/// How much earlier a call that waits for a person is answered; a third of the
/// client's patience if that is less.
pub(crate) const HOLD_MARGIN: Duration = Duration::from_secs(10);
/// Between notifications to the client of a call that is held.
pub(crate) const PROGRESS_EVERY: Duration = Duration::from_secs(5);
/// Calls of the trail that are replayed at once.
pub(crate) const REPLAY_MAX: u64 = 100_000;
/// Records that may wait for the audit writer.
pub(crate) const AUDIT_QUEUE: usize = 8_192;
/// Records that one transaction takes.
pub(crate) const AUDIT_BATCH: usize = 512;
/// How long a record that nobody waits for may stay in memory.
pub(crate) const AUDIT_LINGER: Duration = Duration::from_millis(20);
/// How long a record whose call did not have to wait for it may be committed
/// and not on disk: 50 ms less what the sync itself takes.
pub(crate) const AUDIT_SYNC: Duration = Duration::from_millis(30);
/// Records that are kept in memory while the disk refuses, beside those of
/// calls under way.
pub(crate) const AUDIT_OWED: usize = 50_000;
/// Between checkpoints, when there is something to sign.
pub(crate) const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);
/// Longest arguments or result that a record keeps sealed, in bytes.
pub(crate) const AUDIT_BODY_MAX: usize = 1 << 20;
/// Arguments of one call that are kept in clear, and their length, in bytes.
pub(crate) const AUDIT_CLEAR_MAX: usize = 16 << 10;
/// Groups of records that one page of a search reads.
pub(crate) const SEARCH_GROUPS: usize = 512;
/// Words of records that one page of a search reads.
pub(crate) const SEARCH_TEXTS: usize = 200_000;
/// Receivers of records.
pub(crate) const FORWARDS_MAX: usize = 16;
/// Records that are sent to a receiver at once, and their bytes.
pub(crate) const FORWARD_BATCH: usize = 500;
pub(crate) const FORWARD_BYTES: usize = 1 << 20;
/// How often it is looked for new records to send. Not at each commit: what a
/// busy gateway writes goes out in batches.
pub(crate) const FORWARD_EVERY: Duration = Duration::from_millis(250);
/// Between notes of how far a receiver has got.
pub(crate) const FORWARD_NOTED: Duration = Duration::from_secs(1);
/// How long a receiver may take for each step.
pub(crate) const FORWARD_PATIENCE: Duration = Duration::from_secs(10);
/// How long one may take to read what it was sent, to its end.
pub(crate) const FORWARD_READING: Duration = Duration::from_secs(60);
/// How long what is just being sent gets when the service stops.
pub(crate) const FORWARD_LAST: Duration = Duration::from_secs(1);
/// Longest answer of a receiver, in bytes.
pub(crate) const FORWARD_ANSWER_MAX: usize = 64 << 10;
/// Between two reports of metrics to an OTLP receiver.
pub(crate) const METRICS_EVERY: Duration = Duration::from_secs(15);
/// Combinations of labels of one metric.
pub(crate) const METRIC_SERIES_MAX: usize = 256;
/// Lines that are kept of what a connection's server wrote, of what the
/// gateway did with it, and bytes of one of them.
pub(crate) const LOG_LINES: usize = 200;
pub(crate) const LOG_EVENTS: usize = 50;
pub(crate) const LOG_LINE_MAX: usize = 1_000;
/// First and longest wait before a failed upstream is tried again.
pub(crate) const RETRY_FIRST: Duration = Duration::from_millis(500);
pub(crate) const RETRY_MAX: Duration = Duration::from_secs(60);
/// Failed attempts in a row before an upstream is left alone until an admin
/// tests it.
pub(crate) const RETRY_ATTEMPTS: u32 = 10;
/// How long a child process gets between being asked and being made to stop.
pub(crate) const STOP_GRACE: Duration = Duration::from_secs(2);
/// How long a signed-in session of a person lasts.
pub(crate) const SESSION_LIFE: Duration = Duration::from_secs(12 * 3600);
/// Sessions of one person at once: with one more, the oldest ends.
pub(crate) const SESSIONS_PER_PERSON: usize = 100;
/// How long one lasts that was begun on the gateway's own pages: long enough
/// for what somebody came for. A browser shows its cookie to whatever listens
/// on another port of this machine.
pub(crate) const PAGE_SESSION_LIFE: Duration = Duration::from_secs(15 * 60);
/// Longest form of a page, in bytes.
pub(crate) const FORM_MAX: usize = 256 << 10;
/// How long one may take to arrive.
pub(crate) const FORM_PATIENCE: Duration = Duration::from_secs(30);
/// Longest path that a sign-in leads back to, in bytes.
pub(crate) const RETURN_TO_MAX: usize = 8 << 10;
/// How long an access token lasts, and a refresh token that is not used.
pub(crate) const ACCESS_LIFE: Duration = Duration::from_secs(3600);
pub(crate) const REFRESH_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Access tokens of one agent, and refresh tokens that it has used, that are
/// known; an agent may ask for new ones all day.
pub(crate) const ACCESS_TOKENS: usize = 32;
pub(crate) const REFRESH_TOKENS: usize = 1_000;
/// How long an access token that has expired is still told apart.
pub(crate) const EXPIRED_KNOWN: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long an authorization code lasts, how long one that was used is
/// remembered, and how many there may be.
pub(crate) const CODE_LIFE: Duration = Duration::from_secs(60);
pub(crate) const CODE_REMEMBERED: Duration = Duration::from_secs(600);
pub(crate) const CODES_MAX: usize = 1_000;
/// Programs that registered themselves, and how long one is kept that has not
/// signed anybody in.
pub(crate) const CLIENTS_MAX: usize = 1_000;
pub(crate) const CLIENT_UNUSED: Duration = Duration::from_secs(24 * 3600);
/// Registrations within [`REGISTRATIONS_WINDOW`].
pub(crate) const REGISTRATIONS: u32 = 30;
pub(crate) const REGISTRATIONS_WINDOW: Duration = Duration::from_secs(60);
/// Longest registration or request for a token, in bytes; its redirect URIs, their bytes, and the
/// characters of a program's name.
pub(crate) const REGISTRATION_MAX: usize = 64 << 10;
pub(crate) const REDIRECTS: usize = 10;
pub(crate) const REDIRECT_MAX: usize = 2_000;
pub(crate) const CLIENT_NAME: usize = 64;
/// Failed sign-ins of one name, or 10 times as many in all, within
/// [`SIGN_IN_WINDOW`] before further ones are refused.
pub(crate) const SIGN_IN_FAILURES: u32 = 5;
pub(crate) const SIGN_IN_WINDOW: Duration = Duration::from_secs(60);
/// Longest name that failures are remembered of, in bytes; no user's is longer.
pub(crate) const SIGN_IN_NAME_MAX: usize = 256;
/// Passwords that are hashed at once; each takes 19 MiB.
pub(crate) const PASSWORD_HASHES: usize = 2;
/// How long a call waits for a connection that is just starting.
pub(crate) const STARTING: Duration = Duration::from_secs(5);
/// Of a request to a URL that no admin entered: its answer in bytes, and how
/// long it may take in all. A sign-in takes up to eight of them.
pub(crate) const EGRESS_ANSWER_MAX: usize = 256 << 10;
pub(crate) const EGRESS_PATIENCE: Duration = Duration::from_secs(10);
/// How long a change of a connection waits for its upstream to be there, and
/// how often it looks.
pub(crate) const UPSTREAM_APPEARS: Duration = Duration::from_secs(1);
pub(crate) const UPSTREAM_LOOKED_FOR: Duration = Duration::from_millis(10);
/// Groups of 256 records that one request for a timeline counts, and buckets
/// that it may ask for.
pub(crate) const TIMELINE_GROUPS: usize = 400;
pub(crate) const TIMELINE_BUCKETS_MAX: u32 = 240;
/// How long the doctor waits for one step of a connection.
pub(crate) const DOCTOR_PATIENCE: Duration = Duration::from_secs(5);
/// Free bytes below which the doctor warns, and minutes after which a
/// checkpoint that does not cover everything is a problem.
pub(crate) const DISK_LOW: u64 = 2 << 30;
pub(crate) const CHECKPOINT_OLD_MINUTES: i64 = 10;
/// Lines in the list of outgoing connections, and characters of an error there.
pub(crate) const EGRESS_LINES_MAX: usize = 1_000;
pub(crate) const EGRESS_ERROR_MAX: usize = 200;
/// Longest URL, and longest `WWW-Authenticate`, that is looked at, in bytes.
pub(crate) const URL_MAX: usize = 2_048;
pub(crate) const CHALLENGE_MAX: usize = 4 << 10;
/// Scopes of an account, and bytes of one.
pub(crate) const SCOPES_MAX: usize = 64;
pub(crate) const SCOPE_MAX: usize = 256;
/// Longest token, code or client id that is taken, in bytes.
pub(crate) const TOKEN_MAX: usize = 16 << 10;
/// How long before its end an access token is renewed; a quarter of its life
/// if that is less.
pub(crate) const RENEW_AHEAD: Duration = Duration::from_secs(60);
/// How long a renewal that failed for want of an answer is not tried again.
pub(crate) const RENEW_AGAIN: Duration = Duration::from_secs(5);
/// A token that is refused so soon after it was issued is not worth renewing.
pub(crate) const TOKEN_YOUNG: Duration = Duration::from_secs(30);
/// How often within a day an upstream may ask an account for more rights, and
/// for rights that it was asked for already.
pub(crate) const STEP_UPS_MAX: u32 = 8;
pub(crate) const STEP_UPS_SAME: u32 = 1;
/// How long a person may take for a sign-in elsewhere, and how many sign-ins
/// may be under way: of one person, and of all.
pub(crate) const SIGN_IN_ELSEWHERE: Duration = Duration::from_secs(15 * 60);
pub(crate) const SIGN_INS_PER_PERSON: usize = 16;
pub(crate) const SIGN_INS_UNDER_WAY: usize = 1_024;
/// Connections to the shared address that may be open at once, and of them
/// from one peer.
pub(crate) const SHARED_CONNECTIONS: usize = 1_024;
pub(crate) const SHARED_CONNECTIONS_PER_PEER: usize = 128;
/// How long one there may take for its TLS handshake, for the head of a
/// request (or between two), and between two pieces of a body.
pub(crate) const SHARED_HANDSHAKE: Duration = Duration::from_secs(10);
pub(crate) const SHARED_HEAD: Duration = Duration::from_secs(20);
pub(crate) const SHARED_BODY: Duration = Duration::from_secs(20);
/// Longest body there of somebody who shows no token and no session, in bytes.
pub(crate) const STRANGER_BODY_MAX: usize = 64 << 10;
/// How long answers there get to end when sharing is switched off.
pub(crate) const SHARED_LINGER: Duration = Duration::from_secs(1);
/// How often it is looked whether the certificate must be renewed or was
/// replaced, and whether an address that could not be had can be had now.
pub(crate) const SHARED_TENDED: Duration = Duration::from_secs(10);
/// Names of the shared address, and the longest file of a certificate or key.
pub(crate) const SHARED_NAMES: usize = 16;
pub(crate) const PEM_MAX: u64 = 256 << 10;
/// Days that the gateway's own authority and a certificate of it last, and
/// after how long a certificate is replaced: a month before its end. Some
/// clients take none that lasts longer.
pub(crate) const AUTHORITY_DAYS: i64 = 3_650;
pub(crate) const CERTIFICATE_DAYS: i64 = 90;
pub(crate) const CERTIFICATE_SHOWN: Duration = Duration::from_secs(60 * 24 * 3_600);
/// How long an invite may last, and how many are listed.
pub(crate) const INVITE_LIFE: std::ops::RangeInclusive<u64> = 3_600..=7 * 24 * 3_600;
pub(crate) const INVITES_SHOWN: u32 = 500;
/// How long calls under way get when the service stops.
pub(crate) const DRAIN: Duration = Duration::from_secs(5);
/// Between comment lines that keep a quiet stream open.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The bounds that a test shortens.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// From the start of an upstream to its list of tools. Generous, because
    /// a package runner may download the server first.
    pub start: Duration,
    /// From forwarding a call to its answer. Below the 60 s after which
    /// common clients give up, so that they hear why.
    pub call: Duration,
    /// How long a child process (or a stream of HTTP with SSE) is kept for
    /// callers who do not call.
    pub idle: Duration,
    /// After which a certificate of the shared address is replaced, where the
    /// gateway makes it.
    pub certificate: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(45),
            call: Duration::from_secs(55),
            idle: Duration::from_secs(15 * 60),
            certificate: CERTIFICATE_SHOWN,
        }
    }
}
