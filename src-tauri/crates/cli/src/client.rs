//! The MCP clients of this machine: everything that is done to them is in
//! `agw-clients`; here it is shown, asked about and told.

use agw_api::{ErrorBody, paths};
use agw_clients::{
    Address, Client, Clients, Found, Gateway, ImportPreview, Level, Machine, Preview, Refusal,
    State, Unwired, Wired, Wish,
};
use serde::Serialize;

use crate::args::{AgentOf, ClientCommand, ClientImport, ClientWire};
use crate::confirm::confirm;
use crate::connection::transport_text;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{bytes, safe, sentence, word, write_line};

impl From<Refusal> for CliError {
    fn from(refusal: Refusal) -> Self {
        let ErrorBody { code, message, next, .. } = refusal.body();
        Self::failed(&code, message, next)
    }
}

pub(crate) async fn run(context: &Context<'_>, command: ClientCommand) -> Result<(), CliError> {
    let machine = Machine::this().ok_or_else(|| {
        CliError::failed("no_home", "there is no home folder to look in", "Set HOME to yours.")
    })?;
    let gateway = this_gateway(context)?;
    let clients = Clients { api: &context.client, machine: &machine, gateway: &gateway };
    match command {
        ClientCommand::List => list(context, &clients).await,
        ClientCommand::Wire(args) => wire(context, &clients, args).await,
        ClientCommand::Unwire { client, keep_agent, preview, sure } => {
            let change = clients.preview_unwire(client)?;
            if preview {
                return show(context, &change);
            }
            agree(context, &change, sure.yes)?;
            let done = clients.unwire(client, &change.digest, !keep_agent).await?;
            context.output.item(&done, || unwired(&done))
        }
        ClientCommand::Import(args) => import(context, &clients, args).await,
        ClientCommand::Bundle { out } => bundle(context, &clients, &out).await,
        ClientCommand::Managed { client } => managed(context, &clients, client).await,
    }
}

fn this_gateway(context: &Context<'_>) -> Result<Gateway, CliError> {
    let failed = |what: &str, error: std::io::Error| {
        CliError::io(what, &error, "Start agw by its whole path.")
    };
    let agw = std::env::current_exe().map_err(|error| failed("cannot tell where agw is", error))?;
    let data_dir = std::path::absolute(context.data_dir)
        .map_err(|error| failed("cannot use the data folder", error))?;
    let url = paths::service_url(&data_dir);
    Ok(Gateway { data_dir, agw, url })
}

async fn list(context: &Context<'_>, clients: &Clients<'_>) -> Result<(), CliError> {
    let found = clients.list().await;
    let row = |found: &Found| {
        let agent = found.agent.as_ref();
        let agent = agent.map(|agent| format!("{}/{}", agent.user, agent.name));
        vec![
            word(&found.client),
            state(found.state).to_owned(),
            agent.unwrap_or_default(),
            match found.servers {
                0 => String::new(),
                others => others.to_string(),
            },
            found.file.clone(),
        ]
    };
    let headings = ["CLIENT", "STATE", "AGENT", "CAN IMPORT", "FILE"];
    context.output.list(&found, &headings, row, "")?;
    for found in &found {
        for finding in found.findings.iter().filter(|finding| finding.level != Level::Ok) {
            let next = sentence(&finding.next);
            context.output.hint(&format!("{}: {}. {next}", word(&found.client), finding.message));
        }
    }
    Ok(())
}

fn state(state: State) -> &'static str {
    match state {
        State::Absent => "not found",
        State::Found => "found",
        State::Wired => "wired",
        State::Elsewhere => "wired elsewhere",
        State::Malformed => "cannot be changed",
    }
}

fn wish(agent: AgentOf) -> Wish {
    Wish { user: agent.user, agent: agent.agent, ttl_seconds: agent.ttl }
}

/// The change as it is, for people and for scripts.
fn show(context: &Context<'_>, preview: &Preview) -> Result<(), CliError> {
    context.output.item(preview, || described(preview))
}

fn described(preview: &Preview) -> String {
    let diff = match preview.diff.trim_end() {
        "" => "(nothing changes)",
        diff => diff,
    };
    let notes = preview.notes.iter().map(|note| format!("\n{note}"));
    format!("{diff}{}", notes.collect::<String>())
}

fn agree(context: &Context<'_>, preview: &Preview, yes: bool) -> Result<(), CliError> {
    context.output.hint(&described(preview));
    confirm(&format!("{} will be changed like this.", preview.file), yes)
}

async fn wire(
    context: &Context<'_>,
    clients: &Clients<'_>,
    args: ClientWire,
) -> Result<(), CliError> {
    let change = clients.preview(args.client)?;
    if args.preview {
        return show(context, &change);
    }
    agree(context, &change, args.sure.yes)?;
    let done = clients.wire(args.client, &change.digest, wish(args.agent)).await?;
    told(context, &done)
}

fn told(context: &Context<'_>, done: &Wired) -> Result<(), CliError> {
    context.output.item(done, || {
        let title = done.client.title();
        let made = done.connections.iter().map(|name| format!("Added the connection {name}.\n"));
        let made: String = made.collect();
        match &done.agent {
            Some(agent) => format!(
                "{made}{title} is wired: it calls as {}/{}, and may what {} may.",
                agent.user, agent.name, agent.user
            ),
            None => format!("{made}{title} reaches them through the gateway."),
        }
    })?;
    context.output.hint(done.restart);
    if !done.connections.is_empty() {
        let names = done.connections.iter().map(|name| format!("'{name}.*'"));
        context.output.hint(&format!(
            "Nobody may use them before you say so: `agw grant USER {} allow`.",
            names.collect::<Vec<_>>().join("|")
        ));
    }
    Ok(())
}

fn unwired(done: &Unwired) -> String {
    let mut text = match done.exact {
        true => format!("{} is what it was, byte for byte.", done.file),
        false => {
            format!("The gateway's part is out of {}; what was changed since stays.", done.file)
        }
    };
    for agent in &done.revoked {
        text.push_str(&format!("\nRevoked {agent}."));
    }
    for agent in &done.left {
        text.push_str(&format!("\nNot revoked: {agent}. Do it with `agw agent revoke`."));
    }
    if !done.connections.is_empty() {
        let names = done.connections.join(", ");
        text.push_str(&format!("\nThe connections that were imported stay: {names}."));
    }
    text
}

async fn import(
    context: &Context<'_>,
    clients: &Clients<'_>,
    args: ClientImport,
) -> Result<(), CliError> {
    let names = (!args.all).then_some(args.servers.as_slice());
    let ImportPreview { items, preview } = clients.preview_import(args.client, names).await?;
    if !args.all && args.servers.is_empty() {
        return context.output.list(
            &items,
            &["SERVER", "CONNECTION", "SECRETS", "COMMAND OR ADDRESS", "REMARK"],
            |item| {
                let remark = item.problem.as_ref().or(item.note.as_ref());
                vec![
                    item.name.clone(),
                    match item.problem {
                        None => item.connection.clone(),
                        Some(_) => String::new(),
                    },
                    item.secrets.join(", "),
                    item.transport.as_ref().map(transport_text).unwrap_or_default(),
                    remark.cloned().unwrap_or_default(),
                ]
            },
            "It has no servers besides the gateway.",
        );
    }
    let chosen = |name: &String| args.all || args.servers.contains(name);
    let (mut names, mut starts) = (args.servers.clone(), String::new());
    for item in items.iter().filter(|item| chosen(&item.name)) {
        match (&item.problem, &item.transport) {
            (None, Some(transport)) => {
                // Whatever a word holds stays on its line.
                let what = safe(&transport_text(transport));
                starts.push_str(&format!("  {}: {what}\n", item.connection));
                if args.all {
                    names.push(item.name.clone());
                }
            }
            (problem, _) => {
                let why = problem.as_deref().unwrap_or_default();
                context.output.hint(&format!("{} cannot be imported: {why}.", item.name));
            }
        }
    }
    context.output.hint(&format!(
        "The gateway will start these programs, with all the rights of the account it runs as, and reach these addresses:\n{starts}"
    ));
    agree(context, &preview, args.sure.yes)?;
    let done = clients.import(args.client, &preview.digest, &names, wish(args.agent)).await?;
    told(context, &done)
}

/// What leads to this machine is no use on another.
const NOT_SHARED: &str = "It names this machine's own address: `agw share on` lets other machines in, then do this again.";

async fn bundle(
    context: &Context<'_>,
    clients: &Clients<'_>,
    out: &std::path::Path,
) -> Result<(), CliError> {
    #[derive(Serialize)]
    struct Written {
        file: String,
        bytes: u64,
        address: String,
        shared: bool,
    }

    let address = clients.address().await;
    let version = env!("CARGO_PKG_VERSION");
    let size = agw_clients::write_bundle(clients.gateway, &address, version, out)?;
    let Address { url, shared, .. } = address;
    let written = Written { file: out.display().to_string(), bytes: size, address: url, shared };
    context.output.item(&written, || {
        format!("Wrote {} ({}), which leads to {}.", written.file, bytes(size), written.address)
    })?;
    context.output.hint(
        "Open it with Claude Desktop on the other machine, and give it the token of an agent (`agw agent add`).",
    );
    if !shared {
        context.output.hint(NOT_SHARED);
    }
    Ok(())
}

async fn managed(
    context: &Context<'_>,
    clients: &Clients<'_>,
    client: Client,
) -> Result<(), CliError> {
    let address = clients.address().await;
    let files = agw_clients::managed(client, &address, clients.gateway)?;
    if context.output.json() {
        return files.iter().try_for_each(|file| context.output.item(file, String::new));
    }
    for file in files {
        write_line(&format!("# {}\n# {}", file.name, file.why))?;
        for place in &file.places {
            write_line(&format!("# {place}"))?;
        }
        write_line(&file.content)?;
    }
    if !address.shared {
        context.output.hint(NOT_SHARED);
    }
    Ok(())
}
