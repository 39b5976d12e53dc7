//! The MCP clients of whoever runs this app: what the web view may ask about
//! them and have done to them. Everything is in `agw-clients`; the tokens of
//! agents go from the gateway into their files here and never to the page.

use std::path::{Path, PathBuf};

use agw_api::{ErrorBody, codes};
use agw_clients::{
    Address, Client, Clients, Gateway, Machine, ManagedFile, Refusal, Wish, managed, write_bundle,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tauri::{AppHandle, Manager as _, State};

use crate::Shell;

/// How many names of a bundle are tried before one is given up on.
const MAX_BUNDLES: u32 = 100;

#[derive(Debug, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(crate) enum Request {
    List,
    Preview { client: Client },
    PreviewUnwire { client: Client },
    PreviewImport { client: Client, names: Option<Vec<String>> },
    Wire { client: Client, digest: String, user: Option<String> },
    Unwire { client: Client, digest: String, revoke: bool },
    Import { client: Client, digest: String, names: Vec<String>, user: Option<String> },
    SaveBundle,
    Managed { client: Client },
}

#[tauri::command]
pub(crate) async fn clients(
    app: AppHandle,
    shell: State<'_, Shell>,
    request: Request,
) -> Result<Value, ErrorBody> {
    let fault = |message: String, next: &str| ErrorBody {
        code: codes::INTERNAL.to_owned(),
        message,
        next: next.to_owned(),
        current: None,
        place: None,
    };
    let gateway = shell
        .service
        .installation()
        .map_err(|error| fault(format!("{error:#}"), "Install the app again."))?;
    let machine = Machine::this()
        .ok_or_else(|| fault("there is no home folder to look in".to_owned(), "Set HOME."))?;
    let api = shell.client();
    let clients = Clients { api: &api, machine: &machine, gateway: &gateway };
    if matches!(request, Request::SaveBundle) {
        let folder = app.path().download_dir().or_else(|_| app.path().home_dir());
        let folder =
            folder.map_err(|error| fault(error.to_string(), "Use `agw client bundle`."))?;
        let address = clients.address().await;
        let saved = move || save_bundle(&gateway, address, &folder);
        let saved = tokio::task::spawn_blocking(saved).await;
        let saved = saved.map_err(|error| fault(error.to_string(), "Try again."))?;
        return answer(saved);
    }
    let done = act(&clients, request).await;
    shell.look_again.notify_one();
    done
}

async fn act(clients: &Clients<'_>, request: Request) -> Result<Value, ErrorBody> {
    let wish = |user| Wish { user, ..Wish::default() };
    match request {
        Request::List => answer(Ok(clients.list().await)),
        Request::Preview { client } => answer(clients.preview(client)),
        Request::PreviewUnwire { client } => answer(clients.preview_unwire(client)),
        Request::PreviewImport { client, names } => {
            answer(clients.preview_import(client, names.as_deref()).await)
        }
        Request::Wire { client, digest, user } => {
            answer(clients.wire(client, &digest, wish(user)).await)
        }
        Request::Unwire { client, digest, revoke } => {
            answer(clients.unwire(client, &digest, revoke).await)
        }
        Request::Import { client, digest, names, user } => {
            answer(clients.import(client, &digest, &names, wish(user)).await)
        }
        Request::Managed { client } => {
            let address = clients.address().await;
            let files = managed(client, &address, clients.gateway);
            answer(files.map(|files| Managed {
                files,
                address: address.url,
                shared: address.shared,
            }))
        }
        // Needs no clients, and was done before.
        Request::SaveBundle => Ok(Value::Null),
    }
}

fn answer(done: Result<impl Serialize, Refusal>) -> Result<Value, ErrorBody> {
    done.map(|done| serde_json::to_value(done).unwrap_or_default()).map_err(Refusal::body)
}

#[derive(Serialize)]
struct Saved {
    file: PathBuf,
    bytes: u64,
    /// Where it leads, and whether other machines reach that.
    address: String,
    shared: bool,
}

#[derive(Serialize)]
struct Managed {
    files: Vec<ManagedFile>,
    /// What they name, and whether other machines reach that.
    address: String,
    shared: bool,
}

/// Into the folder for downloads, under a name that is free.
fn save_bundle(gateway: &Gateway, address: Address, folder: &Path) -> Result<Saved, Refusal> {
    let name = |number: u32| match number {
        1 => "ai-agent-gateway.mcpb".to_owned(),
        _ => format!("ai-agent-gateway-{number}.mcpb"),
    };
    let free = (1..MAX_BUNDLES).map(|number| folder.join(name(number))).find(|it| !it.exists());
    let file = free.unwrap_or_else(|| folder.join(name(MAX_BUNDLES)));
    let bytes = write_bundle(gateway, &address, env!("CARGO_PKG_VERSION"), &file)?;
    let Address { url, shared, .. } = address;
    Ok(Saved { file, bytes, address: url, shared })
}
