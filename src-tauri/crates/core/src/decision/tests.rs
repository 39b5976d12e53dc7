use super::*;
use crate::{Effect, Grant, json};

const ANA: UserId = UserId::new(1);
const SALES: TeamId = TeamId::new(1);
const CLAUDE: AgentId = AgentId::new(1);

fn map(rules: &[(Subject, &str, Effect)]) -> PermissionMap {
    let grants = rules.iter().zip(1..).map(|((subject, tool, effect), id)| Grant {
        id: GrantId::new(id),
        subject: *subject,
        tool: tool.parse().unwrap(),
        effect: *effect,
        condition: None,
        expires_at: None,
        rate: None,
        version: 1,
    });
    PermissionMap::build(1, grants, [])
}

fn caller(scope: Option<&[&str]>) -> Caller {
    let agent = scope.map(|scope| AgentCaller {
        id: CLAUDE,
        scope: scope.iter().map(|pattern| pattern.parse().unwrap()).collect(),
    });
    Caller { user: ANA, teams: [SALES].into(), agent, facts: Arc::default() }
}

fn ask(map: &PermissionMap, caller: &Caller, tool: &str) -> Result<Vec<u64>, Reason> {
    let digest = json::parse(b"{}").unwrap().digest().unwrap();
    let tool = tool.parse().unwrap();
    let call = Call { tool: &tool, arguments: Some(b"{}"), now: 0 };
    match decide(map, caller, &call, digest) {
        Decision::Allow(permit) => Ok(permit.grants().map(GrantId::get).collect()),
        Decision::Ask(question) => panic!("{question:?}"),
        Decision::Deny(denial) => Err(denial.reason),
    }
}

#[test]
fn no_rule_means_deny() {
    assert_eq!(ask(&map(&[]), &caller(None), "fs.read"), Err(Reason::NotGranted));
    let other = map(&[(Subject::User(UserId::new(2)), "*", Effect::Allow)]);
    assert_eq!(ask(&other, &caller(None), "fs.read"), Err(Reason::NotGranted));
}

#[test]
fn a_grant_reaches_a_user_directly_or_through_a_team() {
    for subject in [Subject::User(ANA), Subject::Team(SALES)] {
        for pattern in ["fs.read", "fs.*", "*"] {
            let map = map(&[(subject, pattern, Effect::Allow)]);
            assert_eq!(ask(&map, &caller(None), "fs.read"), Ok(vec![1]));
        }
    }
}

#[test]
fn deny_beats_allow_from_wherever_it_comes() {
    for denied in [Subject::User(ANA), Subject::Team(SALES), Subject::Agent(CLAUDE)] {
        for pattern in ["fs.read", "fs.*", "*"] {
            let map = map(&[
                (Subject::User(ANA), "fs.read", Effect::Allow),
                (Subject::Team(SALES), "fs.read", Effect::Allow),
                (Subject::Agent(CLAUDE), "fs.read", Effect::Allow),
                (denied, pattern, Effect::Deny),
            ]);
            let reason = Reason::DeniedByGrant(GrantId::new(4));
            assert_eq!(ask(&map, &caller(Some(&[])), "fs.read"), Err(reason));
        }
    }
}

#[test]
fn an_agent_never_has_more_than_its_owner() {
    let map = map(&[(Subject::Agent(CLAUDE), "*", Effect::Allow)]);
    assert_eq!(ask(&map, &caller(Some(&["*"])), "fs.read"), Err(Reason::NotGranted));
}

#[test]
fn a_scope_narrows_and_an_agents_own_grant_widens_it() {
    let narrow = caller(Some(&["fs.read"]));
    let owner_only = map(&[(Subject::User(ANA), "fs.*", Effect::Allow)]);
    assert_eq!(ask(&owner_only, &narrow, "fs.read"), Ok(vec![1]));
    assert_eq!(ask(&owner_only, &narrow, "fs.write"), Err(Reason::OutOfScope));
    assert_eq!(ask(&owner_only, &caller(Some(&[])), "fs.write"), Ok(vec![1]));
    let widened = map(&[
        (Subject::User(ANA), "fs.*", Effect::Allow),
        (Subject::Agent(CLAUDE), "fs.write", Effect::Allow),
    ]);
    assert_eq!(ask(&widened, &narrow, "fs.write"), Ok(vec![1, 2]));
}

#[test]
fn a_deny_for_one_agent_leaves_its_owner_alone() {
    let map = map(&[
        (Subject::User(ANA), "fs.read", Effect::Allow),
        (Subject::Agent(CLAUDE), "fs.read", Effect::Deny),
    ]);
    assert_eq!(ask(&map, &caller(None), "fs.read"), Ok(vec![1]));
}
