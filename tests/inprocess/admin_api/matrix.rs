//! Who may do what, as a table: every operation of the description, tried by
//! everybody. The table is committed; a new operation needs a row here.
//!
//! Each try is one that an admin gets through, on something that is the
//! caller's own and on something of somebody else's; a list counts as somebody
//! else's where it shows it.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use agw_api::{Client, Grant, User};
use serde_json::{Value, json};

use super::{ask, operations};
use crate::support::{
    InProcess, PASSWORD, eventually, guarded::Guarded, http, person::Person, shared::share,
    upstream::Fixture,
};

const COLUMNS: [&str; 5] = ["admin", "auditor", "own", "others'", "anonymous"];
/// Who tries, and on whose.
const TRIES: [(Who, &str); 5] = [
    (Who::Admin, "bo"),
    (Who::Auditor, "bo"),
    (Who::Ana, "ana"),
    (Who::Ana, "bo"),
    (Who::Nobody, "bo"),
];

#[derive(Clone, Copy, PartialEq)]
enum Who {
    Admin,
    Auditor,
    /// A member.
    Ana,
    Nobody,
}

/// Two members with an agent, a grant, a call and a question each; an auditor.
struct World {
    gateway: InProcess,
    upstream: Fixture,
    auditor: Client,
    ana: Client,
    tokens: BTreeMap<&'static str, String>,
    /// Makes names and arguments that were not used before.
    count: u32,
}

/// A request, and what tells in a list that it shows the one in question.
struct Try {
    path: String,
    body: Value,
    shows: Option<String>,
    /// Whether it is about somebody's own things at all.
    owned: bool,
}

impl Try {
    fn any(path: impl Into<String>, body: Value) -> Self {
        Self { path: path.into(), body, shows: None, owned: false }
    }

    fn of(path: impl Into<String>, body: Value) -> Self {
        Self { owned: true, ..Self::any(path, body) }
    }

    fn list(path: &str, shows: String) -> Self {
        Self { shows: Some(shows), ..Self::of(path, json!(null)) }
    }
}

impl World {
    async fn start() -> Self {
        let upstream = Fixture::start().await;
        let gateway = InProcess::start().await;
        gateway.connect_http("fix", &upstream.url(), &[]).await;
        let ana = gateway.add_person("ana", "member").await;
        gateway.add_user("bo", None).await;
        let auditor = gateway.add_person("aud", "auditor").await;
        let mut tokens = BTreeMap::new();
        for (name, mine) in [("ana", "fix.echo"), ("bo", "fix.other")] {
            gateway.grant(name, mine, "allow").await;
            gateway.grant(name, "fix.fail", "ask").await;
            let path = format!("/api/v1/tools/{mine}/recording");
            let _: Value =
                gateway.admin.put(&path, &json!({"bodies": true, "version": 0})).await.unwrap();
            let token = gateway.add_agent(name, "claude", &[]).await;
            assert_eq!(gateway.rest_call(&token, mine, json!({})).await.0, 200);
            tokens.insert(name, token);
        }
        gateway.set_password("bo").await;
        let guarded = Guarded::start().await;
        gateway.connect_guarded("mail", &guarded.url(), json!({"kind": "user"})).await;
        let world = Self { gateway, upstream, auditor, ana, tokens, count: 0 };
        // With an admin's account its tools are listed.
        world.connected("root").await;
        eventually("the tools are listed", std::time::Duration::from_secs(10), async || {
            let all: Vec<agw_api::Tool> = world.get("/api/v1/tools").await;
            all.iter().any(|tool| tool.id == "mail.read")
        })
        .await;
        for name in ["ana", "bo"] {
            world.gateway.grant(name, "mail.read", "allow").await;
        }
        world
    }

    fn fresh(&mut self) -> u32 {
        self.count += 1;
        self.count
    }

    fn client(&self, who: Who) -> Client {
        match who {
            Who::Admin => self.gateway.admin.clone(),
            Who::Auditor => self.auditor.clone(),
            Who::Ana => self.ana.clone(),
            Who::Nobody => Client::new(self.gateway.dir.path()),
        }
    }

    /// Somebody new of the same role: what ends their sessions ends no others.
    async fn stand_in(&mut self, who: Who) -> Client {
        let name = format!("in{}", self.fresh());
        match who {
            Who::Admin => self.gateway.add_person(&name, "admin").await,
            Who::Auditor => self.gateway.add_person(&name, "auditor").await,
            Who::Ana => self.gateway.add_person(&name, "member").await,
            Who::Nobody => self.client(who),
        }
    }

    /// Connects an account of theirs.
    async fn connected(&self, whose: &str) {
        let link = self.gateway.url("/accounts/mail");
        let shown = Person::default().connect(&link, whose, PASSWORD).await;
        assert!(shown.says("is connected"), "{shown:?}");
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> T {
        self.gateway.admin.get(path).await.unwrap()
    }

    async fn version(&self, user: &str) -> u64 {
        let users: Vec<User> = self.get("/api/v1/users").await;
        users.iter().find(|known| known.name == user).unwrap().version
    }

    /// A grant of theirs that nothing else needs.
    async fn grant(&mut self, whose: &str) -> Grant {
        let tool = format!("spare.t{}", self.fresh());
        self.gateway.grant(whose, &tool, "allow").await
    }

    /// A question of their agent's that waits.
    async fn question(&mut self, whose: &str) -> String {
        let args = json!({"n": self.fresh()});
        let text = args.to_string();
        let url = self.gateway.url("/mcp/tools/call");
        let body = json!({"tool": "fix.fail", "args": args, "token": self.tokens[whose]});
        tokio::spawn(async move { http::post_json(&url, &[], &body).await });
        let find = async || {
            let all: Vec<agw_api::Approval> = self.get("/api/v1/approvals").await;
            all.into_iter().find(|asked| asked.args == text).map(|asked| asked.id)
        };
        eventually("it is asked", std::time::Duration::from_secs(15), async || {
            find().await.is_some()
        })
        .await;
        find().await.unwrap()
    }

    /// A new invite: its id and its secret.
    async fn invite(&self, user: &str) -> (String, String) {
        let body = json!({"user": user});
        let made: agw_api::InviteCreated =
            self.gateway.admin.post("/api/v1/invites", &body).await.unwrap();
        (made.invite.id, made.link.rsplit_once('/').unwrap().1.to_owned())
    }

    /// The call that they made.
    async fn call(&self, whose: &str) -> String {
        let path = format!("/api/v1/audit?kind=intent&user={whose}");
        let calls: agw_api::AuditPage = self.get(&path).await;
        calls.records[0].call_id.clone().unwrap()
    }

    /// What an admin would send; `None` for an operation that has no row.
    async fn row(&mut self, operation: &str, whose: &str) -> Option<Try> {
        let none = json!(null);
        let n = self.fresh();
        let tool = if whose == "ana" { "fix.echo" } else { "fix.other" };
        let name = |what: &str| format!("{what}{n}");
        let rule = json!({"subject": whose, "tool": format!("spare.n{n}"), "effect": "allow"});
        Some(match operation {
            "GET agents" => Try::list("agents", format!("\"user\":\"{whose}\"")),
            "GET approvals" => {
                let id = self.question(whose).await;
                Try::list("approvals", format!("\"id\":\"{id}\""))
            }
            "GET approvals/x" => Try::of(format!("approvals/{}", self.question(whose).await), none),
            "GET approvals/x/always" => {
                Try::of(format!("approvals/{}/always", self.question(whose).await), none)
            }
            "POST approvals/x/answer" => {
                let path = format!("approvals/{}/answer", self.question(whose).await);
                Try::of(path, json!({"answer": "deny"}))
            }
            "GET accounts" => {
                self.connected(whose).await;
                Try::list("accounts", format!("\"user\":\"{whose}\""))
            }
            "DELETE accounts/x" => {
                self.connected(whose).await;
                Try::of(format!("accounts/mail?user={whose}"), none)
            }
            "GET audit" => Try::list("audit?limit=1000", self.call(whose).await),
            "GET audit/x" => Try::of(format!("audit/{}", self.call(whose).await), none),
            "GET audit/status" => Try::any("audit/status", none),
            "POST audit/acknowledge" => Try::any("audit/acknowledge", none),
            "GET audit/key" => Try::any("audit/key", none),
            "GET audit/checkpoint" => Try::any("audit/checkpoint", none),
            "GET audit/settings" => Try::any("audit/settings", none),
            "PUT audit/settings" => {
                let settings: Value = self.get("/api/v1/audit/settings").await;
                Try::any("audit/settings", settings)
            }
            "GET audit/export" => Try::any("audit/export?format=tlog", none),
            "GET audit/forwards" => Try::any("audit/forwards", none),
            "POST audit/forwards" => Try::any("audit/forwards", forward(&name("forward"), n)),
            "DELETE audit/forwards/x" => {
                let body = forward(&name("forward"), n);
                let path = "/api/v1/audit/forwards";
                let _: Value = self.gateway.admin.post(path, &body).await.unwrap();
                Try::any(format!("audit/forwards/{}", name("forward")), none)
            }
            "POST audit/metrics-token" => Try::any("audit/metrics-token", none),
            "GET audit/bodies/x" => {
                Try::of(format!("audit/bodies/{}", self.call(whose).await), none)
            }
            "POST audit/erase" => {
                let user = name("gone");
                self.gateway.add_user(&user, None).await;
                let path = format!("/api/v1/users/{user}");
                self.gateway.admin.delete(&path).await.unwrap();
                Try::any("audit/erase", json!({"user": user}))
            }
            "PUT tools/x/recording" => {
                let shown: Value = self.get("/api/v1/tools/fix.fail").await;
                let version = &shown["recording"]["version"];
                Try::any("tools/fix.fail/recording", json!({"bodies": true, "version": version}))
            }
            "POST changes" => Try::of("changes", json!({"add": [rule]})),
            "POST conditions" => Try::any("conditions", json!({"tool": "*", "when": "true"})),
            "GET connections" => Try::any("connections", none),
            "POST connections" => {
                let transport = json!({"kind": "stdio", "argv": ["/no/such/server"]});
                Try::any("connections", json!({"name": name("c"), "transport": transport}))
            }
            "GET connections/x" => Try::any("connections/fix", none),
            "DELETE connections/x" => {
                self.gateway.connect_stdio(&name("c"), &["/no/such/server"], &[]).await;
                Try::any(format!("connections/{}", name("c")), none)
            }
            "PUT connections/x" => {
                self.gateway.connect_stdio(&name("c"), &["/no/such/server"], &[]).await;
                let transport = json!({"kind": "stdio", "argv": ["/none/either"]});
                let body = json!({"transport": transport, "credentials": [], "version": 1});
                Try::any(format!("connections/{}", name("c")), body)
            }
            "GET connections/x/logs" => Try::any("connections/fix/logs", none),
            "POST connections/x/restart" => {
                self.gateway.connect_stdio(&name("c"), &["/no/such/server"], &[]).await;
                Try::any(format!("connections/{}/restart", name("c")), none)
            }
            "POST connections/x/test" => Try::any("connections/fix/test", none),
            "GET events" => Try::any("events", none),
            "POST explain" => Try::of("explain", json!({"caller": whose, "tool": tool})),
            "GET grants" => Try::list("grants", format!("\"subject\":\"{whose}\"")),
            "POST grants" => Try::of("grants", rule),
            "PUT grants/x" => {
                let Grant { id, tool, version, .. } = self.grant(whose).await;
                let body =
                    json!({"subject": whose, "tool": tool, "effect": "deny", "version": version});
                Try::of(format!("grants/{id}"), body)
            }
            "DELETE grants/x" => Try::of(format!("grants/{}", self.grant(whose).await.id), none),
            "GET health" => Try::any("health", none),
            "GET invites" => Try::any("invites", none),
            "POST invites" => Try::any("invites", json!({"user": name("guest")})),
            "POST invites/look" => {
                let secret = self.invite(&name("guest")).await.1;
                Try::any("invites/look", json!({"secret": secret}))
            }
            "POST invites/accept" => {
                let secret = self.invite(&name("guest")).await.1;
                Try::any("invites/accept", json!({"secret": secret, "password": PASSWORD}))
            }
            "DELETE invites/x" => {
                Try::any(format!("invites/{}", self.invite(&name("guest")).await.0), none)
            }
            "GET sharing" => Try::any("sharing", none),
            "PUT sharing" => {
                let sharing: agw_api::Sharing = self.get("/api/v1/sharing").await;
                Try::any("sharing", serde_json::to_value(sharing.settings).unwrap())
            }
            "GET sharing/authority" => {
                // It is made when it is first needed.
                let known: agw_api::Sharing = self.get("/api/v1/sharing").await;
                if !known.settings.on {
                    share(&self.gateway).await;
                }
                Try::any("sharing/authority", none)
            }
            "POST pause" => Try::of("pause", json!({"subject": format!("{whose}/claude")})),
            "POST resume" => Try::of("resume", json!({"subject": format!("{whose}/claude")})),
            "POST recover" => {
                Try::any("recover", json!({"recovery_key": self.gateway.recovery_key}))
            }
            "POST unlock" => Try::any("unlock", json!({})),
            "GET session" => Try::any("session", none),
            "DELETE session" => Try::any("session", none),
            "PUT session/password" => {
                Try::any("session/password", json!({"current": PASSWORD, "new": PASSWORD}))
            }
            "GET sessions" | "DELETE sessions" => Try::any("sessions", none),
            // Of whoever tries: see `attempt`.
            "DELETE sessions/x" => Try::any("sessions/", none),
            "GET keychain" => Try::any("keychain", none),
            "POST recovery-key" => Try::any("recovery-key", json!({"password": PASSWORD})),
            "GET egress" => Try::any("egress", none),
            "GET doctor" => Try::any("doctor", none),
            "POST connections/x/doctor" => Try::any("connections/fix/doctor", none),
            "GET audit/timeline" => Try::any("audit/timeline", none),
            "GET audit/verification" | "POST audit/verification" => {
                Try::any("audit/verification", none)
            }
            "POST sessions" => Try::any("sessions", json!({"user": "root", "password": PASSWORD})),
            "POST setup" => Try::any("setup", json!({"admin": "me", "password": PASSWORD})),
            "POST shutdown" => Try::any("shutdown", none),
            "POST simulations" => Try::of("simulations", json!({"change": {"add": [rule]}})),
            "GET status" => Try::any("status", none),
            "GET suggestions" => Try::any("suggestions", none),
            "GET teams" => Try::any("teams", none),
            "POST teams" => Try::any("teams", json!({"name": name("team")})),
            "PUT teams/x" => {
                let body = json!({"name": name("team")});
                let made: Value = self.gateway.admin.post("/api/v1/teams", &body).await.unwrap();
                let body = json!({"members": ["root"], "version": made["version"]});
                Try::any(format!("teams/{}", name("team")), body)
            }
            "DELETE teams/x" => {
                let body = json!({"name": name("team")});
                let _: Value = self.gateway.admin.post("/api/v1/teams", &body).await.unwrap();
                Try::any(format!("teams/{}", name("team")), none)
            }
            "GET tools" => Try::list("tools", format!("\"id\":\"{tool}\"")),
            "GET tools/x" => Try::of(format!("tools/{tool}"), none),
            "PUT tools/x/effect" => {
                let shown: Value = self.get("/api/v1/tools/fix.fail").await;
                let body = json!({"effect": "write", "version": shown["effect_version"]});
                Try::any("tools/fix.fail/effect", body)
            }
            "GET tools/x/review" => Try::any(format!("tools/{tool}/review"), none),
            "POST tools/x/accept" => {
                let now: Value = self.get(&format!("/api/v1/tools/{tool}/review")).await;
                let body = json!({"hash": now["current"]["hash"]});
                Try::any(format!("tools/{tool}/accept"), body)
            }
            "GET users" => Try::list("users", format!("\"name\":\"{whose}\"")),
            "POST users" => Try::any("users", json!({"name": name("user")})),
            "PUT users/x" => {
                let version = self.version(whose).await;
                Try::of(format!("users/{whose}"), json!({"role": "member", "version": version}))
            }
            "DELETE users/x" if whose == "bo" => {
                self.gateway.add_user(&name("user"), None).await;
                Try::of(format!("users/{}", name("user")), none)
            }
            "DELETE users/x" => Try::of(format!("users/{whose}"), none),
            "POST users/x/agents" => {
                Try::of(format!("users/{whose}/agents"), json!({"name": name("agent")}))
            }
            "PUT users/x/agents/x" | "DELETE users/x/agents/x" => {
                self.gateway.add_agent(whose, &name("agent"), &[]).await;
                let path = format!("users/{whose}/agents/{}", name("agent"));
                let edits = operation.starts_with("PUT");
                Try::of(path, if edits { json!({"scope": [], "version": 1}) } else { none })
            }
            // Given to a member, it would end their session.
            "PUT users/x/password" if whose == "bo" => {
                Try::of("users/bo/password", json!({"password": PASSWORD}))
            }
            "PUT users/x/password" => {
                Try::of(format!("users/{whose}/password"), json!({"password": PASSWORD}))
            }
            "POST users/x/token" => Try::of(format!("users/{whose}/token"), none),
            _ => return None,
        })
    }

    /// What comes of it, in a word.
    async fn attempt(&mut self, operation: &str, who: Who, row: &Try) -> &'static str {
        let client = match operation {
            "DELETE session" | "DELETE sessions" | "DELETE sessions/x" | "PUT session/password" => {
                self.stand_in(who).await
            }
            _ => self.client(who),
        };
        let (method, _) = operation.split_once(' ').unwrap();
        if operation == "GET events" {
            // Over a reading that ends: the stream itself does not.
            return match client.events().await {
                Ok(_) => "allowed",
                Err(agw_api::ClientError::Refused { status, .. }) => word(status.as_u16()),
                Err(error) => panic!("{error}"),
            };
        }
        let mut path = format!("/api/v1/{}", row.path);
        if operation == "DELETE sessions/x" {
            let own: Result<Vec<agw_api::OpenSession>, _> = client.get("/api/v1/sessions").await;
            path += &own.map_or_else(|_| "x".to_owned(), |own| own[0].id.clone());
        }
        let (status, body) = ask(&client, method, &path, row.body.clone()).await;
        match (&row.shows, status) {
            (Some(shows), 200) if !body.to_string().contains(shows) => "not there",
            _ => word(status),
        }
    }
}

/// To a port where nobody is.
fn forward(name: &str, port: u32) -> Value {
    json!({"name": name, "kind": "json_lines", "target": format!("tcp://127.0.0.1:{port}")})
}

fn word(status: u16) -> &'static str {
    match status {
        200..300 => "allowed",
        401 => "sign in",
        403 => "forbidden",
        404 => "not there",
        409 => "over",
        _ => "refused",
    }
}

type Table = BTreeMap<String, [&'static str; 5]>;

/// By operation, in the order of [`COLUMNS`]; what would end everything comes
/// last.
async fn table() -> Table {
    let mut world = World::start().await;
    let short = |path: &str| path.trim_start_matches("/api/v1/").to_owned();
    let mut all: Vec<String> =
        operations().iter().map(|o| format!("{} {}", o.method, short(&o.path))).collect();
    all.sort_by_key(|operation| operation == "POST shutdown");
    let mut table = Table::new();
    for operation in all {
        let mut words = [""; 5];
        // The admin's comes last: it may be the end.
        for (at, (who, whose)) in TRIES.into_iter().enumerate().rev() {
            let row = world.row(&operation, whose).await;
            let row = row.unwrap_or_else(|| {
                panic!("{operation} has no row in {}: who may do it, and on whose?", file!())
            });
            // What is nobody's own is the same for a member either way.
            let same = COLUMNS[at] == "others'" && !row.owned;
            words[at] = if same { "-" } else { world.attempt(&operation, who, &row).await };
        }
        table.insert(operation, words);
    }
    let World { gateway, upstream, .. } = world;
    gateway.stop().await;
    drop(upstream);
    table
}

fn written(table: &Table) -> String {
    let mut out = String::from(
        "# Who may do what with the admin API: each operation, tried by an admin, an\n\
         # auditor, a member on what is their own and on what is somebody else's, and\n\
         # by nobody. `-` where nothing is anybody's own; `over` where it was done once\n\
         # for all. Written by AGW_BLESS=1 cargo test -p agw-tests matrix\n\n",
    );
    let mut line = |first: &str, rest: [&str; 5]| {
        let mut text = format!("{first:<26}");
        for word in rest {
            let _ = write!(text, "{word:<11}");
        }
        out.push_str(text.trim_end());
        out.push('\n');
    };
    line("", COLUMNS);
    for (operation, words) in table {
        line(operation, *words);
    }
    out
}

#[tokio::test]
async fn the_permission_matrix_is_the_committed_one() {
    let table = table().await;
    keeps_its_promises(&table);
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join("permission-matrix.txt");
    let current = written(&table);
    if std::env::var_os("AGW_BLESS").is_some_and(|bless| bless == "1") {
        fs::write(&path, &current).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    for (was, is) in committed.lines().zip(current.lines()) {
        assert_eq!(is, was, "{}", path.display());
    }
    assert!(committed == current, "{} is not what the gateway does", path.display());
}

/// What no blessing may change.
fn keeps_its_promises(table: &Table) {
    let open =
        ["GET health", "POST invites/accept", "POST invites/look", "POST sessions", "POST setup"];
    // These read, whatever their method, or are about the one who asks.
    let harmless = [
        "POST conditions",
        "POST explain",
        "POST simulations",
        "DELETE session",
        "DELETE sessions",
        "DELETE sessions/x",
        "POST audit/verification",
        "PUT session/password",
    ];
    for (operation, [admin, auditor, own, others, anonymous]) in table {
        let expected = if operation == "POST setup" { "over" } else { "allowed" };
        assert_eq!(*admin, expected, "the row of {operation} tries what nobody could");
        if open.contains(&operation.as_str()) {
            continue;
        }
        assert_eq!(*anonymous, "sign in", "{operation}");
        let reads = operation.starts_with("GET ") || harmless.contains(&operation.as_str());
        if !reads {
            assert_eq!(*auditor, "forbidden", "an auditor changes nothing: {operation}");
        }
        assert!(
            ["forbidden", "not there", "-"].contains(others),
            "{operation} of others: {others}"
        );
        assert!(["allowed", "forbidden"].contains(own), "{operation} of their own: {own}");
    }
}
