//! Parts of the path on their own.

use std::{hint::black_box, sync::Arc, time::Instant};

use agw_core::{
    Call, Caller, CallerFacts, Condition, Decision, Effect, Grant, GrantId, PermissionMap, Subject,
    TeamId, ToolId, UserId, json,
};

use super::Result;

/// Nanoseconds of `decide`, which must not grow with the number of grants.
pub(crate) fn decide() -> Result<()> {
    println!("decide (a user in two teams; allowed and denied calls in turn)");
    println!("{:>9} {:>8} {:>7}", "grants", "ns", "ratio");
    let digest = json::parse(b"{}")?.digest()?;
    let mut first = None;
    for count in [10_u64, 1_000, 100_000] {
        let grants = (0..count).map(|n| {
            Ok(Grant {
                id: GrantId::new(n),
                subject: Subject::User(UserId::new(n / 10)),
                tool: format!("conn{}.tool{n}", n % 7).parse()?,
                effect: if n % 5 == 0 { Effect::Deny } else { Effect::Allow },
                condition: None,
                expires_at: None,
                rate: None,
                version: 1,
            })
        });
        let map = PermissionMap::build(1, grants.collect::<Result<Vec<_>>>()?, []);
        let teams = [TeamId::new(1), TeamId::new(2)].into();
        let caller =
            Caller { user: UserId::new(count / 20), teams, agent: None, facts: Arc::default() };
        let own = count / 20 * 10;
        let tools: Vec<ToolId> = (own..own + 10)
            .map(|n| format!("conn{}.tool{n}", n % 7).parse())
            .collect::<std::result::Result<_, _>>()?;
        let rounds = 200_000;
        let begun = Instant::now();
        for _ in 0..rounds {
            for tool in &tools {
                let call = Call { tool, arguments: Some(b"{}"), now: 0 };
                black_box(agw_core::decide(black_box(&map), &caller, &call, digest));
            }
        }
        let ns = begun.elapsed().as_secs_f64() * 1e9 / (rounds * tools.len()) as f64;
        let base = *first.get_or_insert(ns);
        println!("{count:>9} {ns:>8.1} {:>6.2}x", ns / base);
    }
    Ok(())
}

/// Nanoseconds of `decide` for an allowed call, by what the grants ask of it.
pub(crate) fn conditions() -> Result<()> {
    const AMOUNT: &str = "args.amount <= 100";
    const TO: &str = "args.to.all(r, r.endsWith('@acme.com'))";
    const HOURS: &str = "now.getHours('Europe/Berlin') >= 9";
    let joined = [AMOUNT, TO, HOURS].join(" && ");
    println!("\ndecide for a call that is allowed, by its grants");
    println!("{:>38} {:>8} {:>7}", "grants", "ns", "ratio");
    let send: ToolId = "gmail.send".parse()?;
    let arguments = br#"{"to":["bo@acme.com"],"amount":50,"subject":"Offer","body":"Attached."}"#;
    let digest = json::parse(arguments)?.digest()?;
    let facts = CallerFacts { user: "ana".into(), teams: vec!["sales".into()], agent: None };
    let caller = Caller {
        user: UserId::new(1),
        teams: [TeamId::new(1)].into(),
        agent: None,
        facts: facts.into(),
    };
    // 2026-11-23, noon in Berlin.
    let call = Call { tool: &send, arguments: Some(arguments), now: 1_795_431_600_000 };
    /// A name, the condition of each grant, and their rate.
    type Kind<'k> = (&'k str, &'k [Option<&'k str>], Option<&'k str>);
    let kinds: [Kind<'_>; 7] = [
        ("one, no condition", &[None], None),
        ("one with a rate", &[None], Some("10/min")),
        ("one with a simple condition", &[Some(AMOUNT)], None),
        ("one that reads no arguments", &[Some("user.name == 'ana'")], None),
        ("one with three conditions joined", &[Some(&joined)], None),
        ("three, no condition", &[None; 3], None),
        ("three with a condition each", &[Some(AMOUNT), Some(TO), Some(HOURS)], None),
    ];
    let mut first = None;
    for (name, conditions, rate) in kinds {
        let grants = conditions.iter().zip(1..).map(|(condition, id)| {
            Ok(Grant {
                id: GrantId::new(id),
                subject: Subject::Team(TeamId::new(1)),
                tool: "gmail.*".parse()?,
                effect: Effect::Allow,
                condition: condition.map(Condition::compile).transpose()?.map(Arc::new),
                expires_at: None,
                rate: rate.map(str::parse).transpose()?,
                version: 1,
            })
        });
        let map = PermissionMap::build(1, grants.collect::<Result<Vec<_>>>()?, []);
        let rounds = 200_000;
        let begun = Instant::now();
        for _ in 0..rounds {
            let decision = agw_core::decide(black_box(&map), &caller, &call, digest);
            if !matches!(black_box(&decision), Decision::Allow(_)) {
                return Err(format!("{name}: {decision:?}").into());
            }
        }
        let ns = begun.elapsed().as_secs_f64() * 1e9 / f64::from(rounds);
        let base = *first.get_or_insert(ns);
        println!("{name:>38} {ns:>8.1} {:>6.2}x", ns / base);
    }
    Ok(())
}
