use clap::CommandFactory as _;

use super::*;

#[test]
fn definitions_are_consistent() {
    Cli::command().debug_assert();
}

fn usage_error(line: &str) -> bool {
    Cli::try_parse_from(line.split(' ')).is_err_and(|error| error.exit_code() == 2)
}

#[test]
fn the_contract_parses() {
    for line in [
        "agw serve --listen 127.0.0.1:0 --master-key file:/k",
        "agw setup --admin ana --password-stdin",
        "agw login ana --password-stdin --json",
        "agw --json --data-dir /tmp/x status",
        "agw connection add fs --stdio --env A B --env C -- npx -y server --json",
        "agw connection add fs --stdio --yes -- npx -y server",
        "agw connection add crm --http https://crm.example/mcp --header Authorization X-Key",
        "agw user add ana --team sales",
        "agw agent add ana claude --scope fs.* --scope crm.read --ttl 30d",
        "agw grant team:sales fs.* deny",
        "agw grant team:sales *:read ask --expires 7d --rate 10/min --if-version 0",
        "agw grant ana fs.* allow --expires 2026-12-31T18:00:00Z",
        "agw grant ana docs.@resource/file:///x/* allow",
        "agw grant ana docs.@prompt/review ask",
        "agw tools --kind prompt --as ana/claude",
        "agw tool docs.@resource/file:///x?a=b%20c#d",
        "agw audit list --tool docs.@resource/file:///x",
        "agw grants ana/claude",
        "agw edit-grant g1 --effect ask --tool fs.* --no-condition --never-expires --no-rate",
        "agw edit-grant g1 --when args.x>1 --if-version 3",
        "agw revoke g1 --if-version 3",
        "agw share on --name gw.lan --name 192.0.2.1 --port 443 --certificate c.pem --key k.pem",
        "agw share on --own-certificate",
        "agw share off",
        "agw share status --json",
        "agw share ca --out ca.crt",
        "agw invite create ana --role member --team sales --ttl 2d",
        "agw invite list",
        "agw invite revoke i1",
        "agw pause",
        "agw pause ana/claude",
        "agw resume connection:crm-2",
        "agw approvals --all",
        "agw approval a1",
        "agw approve a1 --session",
        "agw approve a1 --always --any-arguments",
        "agw deny a1 --note no",
        "agw explain ana/claude fs.read --args {}",
        "agw simulate - --since 30d",
        "agw simulate change.json",
        "agw simulate --grant team:sales fs.* ask --when args.x>1",
        "agw simulate --revoke g1 --since 7d",
        "agw suggest --days 7",
        "agw suggest --apply 1 --json",
        "agw apply -",
        "agw apply change.json",
        "agw password --password-stdin",
        "agw user add ben --role auditor",
        "agw user edit ben --role member --team sales --team ops --if-version 2",
        "agw user edit ben --no-teams",
        "agw user password ben --password-stdin",
        "agw user remove ben --if-version 2",
        "agw team add ops",
        "agw team list",
        "agw team remove ops --if-version 1",
        "agw agent add ana bot --max-uses 5 --client-timeout 60s",
        "agw agent edit ana bot --scope fs.* --ttl 30d --any-uses --client-timeout 2m",
        "agw agent edit ana bot --all-tools --never-expires --max-uses 9 --if-version 1",
        "agw agent revoke ana bot --if-version 1",
        "agw connection remove fs --if-version 1",
        "agw effect fs.read read",
        "agw effect fs.read none --if-version 2",
        "agw tool fs.read",
        "agw tools --as ana/claude",
        "agw tool record fs.read --clear path --clear a.b --bodies on --if-version 0",
        "agw tool record fs.read --none",
        "agw tool review fs.read",
        "agw tool accept fs.read --hash 3f8a",
        "agw serve --audit strict",
        "agw audit list --limit 5 --before 100 --since 7d --until 2026-11-20",
        "agw audit list --user ana --team sales --agent ana/claude --connection fs --tool fs.read",
        "agw audit list --decision deny --reason not_granted --effect unknown --kind sign_in",
        "agw audit tail --status ok --text x",
        "agw audit show 12 --json",
        "agw audit body 01K",
        "agw audit export --format tlog --since 7 --bodies --out - --force",
        "agw audit export --format csv --user ana --out x.csv",
        "agw audit verify",
        "agw audit verify --since Cargo.toml --receipt a --receipt b",
        "agw audit verify trail.tlog --key agw/x+00+AA",
        "agw audit key",
        "agw audit checkpoint --out last --force",
        "agw audit status",
        "agw audit acknowledge --yes",
        "agw audit settings",
        "agw audit settings set --durability strict --receipts on --bodies-days 30",
        "agw audit settings set --records-days never --max-mib none --if-version 2",
        "agw audit settings set --witness-folder /x --witness-url none --metrics local",
        "agw audit metrics-token",
        "agw audit erase ben --yes",
        "agw audit forward list",
        "agw audit forward add siem syslog tcp://siem:601 --from-start",
        "agw audit forward add archive json-lines /x",
        "agw audit forward remove siem",
        "agw mcp --connection fs",
    ] {
        assert!(Cli::try_parse_from(line.split(' ')).is_ok(), "{line}");
    }
}

#[test]
fn bad_usage_is_exit_code_2() {
    for line in [
        "agw",
        "agw frobnicate",
        "agw connection add fs",
        "agw connection add fs --stdio",
        "agw connection add fs --http http://x/ -- cmd",
        "agw connection add fs --stdio --http http://x/ -- cmd",
        "agw connection add Fs --stdio -- cmd",
        "agw connection add fs --http ftp://x/",
        "agw connection add fs --http http://x/ --env A",
        "agw connection add fs --stdio --env A-B -- cmd",
        "agw user add a/b",
        "agw agent add ana claude --ttl 30",
        "agw agent add ana claude --max-uses 0",
        "agw agent edit ana claude",
        "agw agent edit ana claude --ttl 30d --never-expires",
        "agw agent edit ana claude --scope a.b --all-tools",
        "agw agent edit ana claude --max-uses 3 --any-uses",
        "agw user add ben --role root",
        "agw user edit ben",
        "agw user edit ben --team a --no-teams",
        "agw grant ana fs.read maybe",
        "agw grant ana fs.read allow --expires soon",
        "agw grant ana fs.read allow --rate 10",
        "agw grant ana fs.read allow --where nonsense",
        "agw edit-grant g1",
        "agw edit-grant g1 --when a --no-condition",
        "agw edit-grant g1 --rate 1/s --no-rate",
        "agw edit-grant g1 --expires 1d --never-expires",
        "agw pause team:sales",
        "agw approve",
        "agw approve a1 --session --always",
        "agw approve a1 --any-arguments",
        "agw explain team:sales fs.read",
        "agw explain ana fs.read --args []",
        "agw simulate",
        "agw simulate change.json --revoke g1",
        "agw simulate --grant ana fs.read",
        "agw simulate --revoke g1 --when args.x",
        "agw suggest --apply 0",
        "agw effect fs.read maybe",
        "agw tools --as team:sales",
        "agw tool",
        "agw tool record fs.read",
        "agw tool record fs.read --none --bodies on",
        "agw tool accept fs.read",
        "agw tool fs.read record",
        "agw serve --audit never",
        "agw audit list --limit 0",
        "agw audit list --since yesterday",
        "agw audit list --decision maybe",
        "agw audit list --effect none",
        "agw audit list --kind call",
        "agw audit list --connection A/b",
        "agw audit export --format xml --out x",
        "agw audit export --format csv",
        "agw audit export --out x",
        "agw audit export --format csv --out x --since /nowhere/at/all",
        "agw audit verify trail.tlog",
        "agw audit settings set",
        "agw audit settings set --receipts maybe",
        "agw audit settings set --if-version 1",
        "agw audit settings set --records-days 6",
        "agw audit settings set --witness-folder x",
        "agw audit erase",
        "agw audit forward add siem carrier-pigeon x",
    ] {
        assert!(usage_error(line), "{line}");
    }
}

#[test]
fn the_servers_command_keeps_its_own_options() {
    let line = "agw connection add fs --stdio --env A -- npx --json -y";
    let cli = Cli::try_parse_from(line.split(' ')).unwrap();
    assert!(!cli.global.json);
    let Command::Connection(ConnectionCommand::Add(add)) = cli.command else {
        panic!("not a connection");
    };
    assert_eq!(add.command, ["npx", "--json", "-y"]);
    assert_eq!(add.env, ["A"]);
}

#[test]
fn rules_are_told_apart_and_kept_in_order() {
    let line =
        ["agw", "grant", "ana", "gmail.send", "ask", "--where", "every to ends-with @acme.com"];
    let more = ["--when", "user.name != 'ben'", "--where", "hours 9-17 Europe/Berlin"];
    let cli = Cli::try_parse_from(line.iter().chain(&more)).unwrap();
    let Command::Grant(args) = cli.command else {
        panic!("not a grant");
    };
    assert_eq!(args.when.as_deref(), Some("user.name != 'ben'"));
    let rules = serde_json::to_value(&args.rules).unwrap();
    assert_eq!(rules[0]["kind"], "every_item_ends_with");
    assert_eq!(rules[1]["zone"], "Europe/Berlin");
}
