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
        "agw connection add crm --http https://crm.example/mcp --header Authorization X-Key",
        "agw user add ana --team sales",
        "agw agent add ana claude --scope fs.* --scope crm.read --ttl 30d",
        "agw grant team:sales fs.* deny",
        "agw grants ana/claude",
        "agw tools --as ana/claude",
        "agw audit list --limit 5",
        "agw audit tail",
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
        "agw grant ana fs.read maybe",
        "agw audit list --limit 0",
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
