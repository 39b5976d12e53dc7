//! The MCP clients of whoever runs this app: what the web view may ask about
//! them and have done to them. Everything is in `agw-clients`; the tokens of
//! agents go from the gateway into their files here and never to the page.

use std::path::{Path, PathBuf};

use agw_api::{Authority, Client as Api, ErrorBody, codes};
use agw_clients::{
    Address, Client, Clients, Gateway, Machine, ManagedFile, Refusal, Wish, managed, write_bundle,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tauri::{AppHandle, Manager as _, State};

use crate::Shell;

/// How many names of a file are tried before the last is taken.
const MAX_NAMES: u32 = 100;
/// Saved under this name, or with a number in it.
const BUNDLE: (&str, &str) = ("ai-agent-gateway", "mcpb");
const CERTIFICATE: (&str, &str) = ("ai-agent-gateway-ca", "crt");

#[derive(Debug, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(crate) enum Request {
    List,
    Preview {
        client: Client,
    },
    PreviewUnwire {
        client: Client,
    },
    PreviewImport {
        client: Client,
        names: Option<Vec<String>>,
    },
    Wire {
        client: Client,
        digest: String,
        user: Option<String>,
    },
    Unwire {
        client: Client,
        digest: String,
        revoke: bool,
    },
    Import {
        client: Client,
        digest: String,
        names: Vec<String>,
        user: Option<String>,
    },
    SaveBundle,
    /// The web view of a desktop cannot download.
    SaveAuthority,
    Managed {
        client: Client,
    },
}

#[tauri::command]
pub(crate) async fn clients(
    app: AppHandle,
    shell: State<'_, Shell>,
    request: Request,
) -> Result<Value, ErrorBody> {
    let fault = |message: String, next: &str| ErrorBody::new(codes::INTERNAL, message, next);
    let gateway = shell
        .service
        .installation()
        .map_err(|error| fault(format!("{error:#}"), "Install the app again."))?;
    let machine = Machine::this()
        .ok_or_else(|| fault("there is no home folder to look in".to_owned(), "Set HOME."))?;
    let api = shell.client();
    let clients = Clients { api: &api, machine: &machine, gateway: &gateway };
    let folder = || {
        let folder = app.path().download_dir().or_else(|_| app.path().home_dir());
        folder.map_err(|error| fault(error.to_string(), "Use `agw client bundle`, `agw share ca`."))
    };
    let done = act(&clients, request, folder).await;
    shell.look_again.notify_one();
    done
}

/// `folder` is where what is saved goes.
async fn act(
    clients: &Clients<'_>,
    request: Request,
    folder: impl Fn() -> Result<PathBuf, ErrorBody>,
) -> Result<Value, ErrorBody> {
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
        Request::SaveBundle => {
            let (gateway, folder) = (clients.gateway.clone(), folder()?);
            let address = clients.address().await;
            let save = move || save_bundle(&gateway, address, &folder);
            match tokio::task::spawn_blocking(save).await {
                Ok(saved) => answer(saved),
                Err(error) => Err(ErrorBody::new(codes::INTERNAL, error.to_string(), "Try again.")),
            }
        }
        Request::SaveAuthority => answer(save_authority(clients.api, &folder()?).await),
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

/// In the folder for downloads, under a name that is free.
fn save_bundle(gateway: &Gateway, address: Address, folder: &Path) -> Result<Saved, Refusal> {
    let file = free(folder, BUNDLE);
    let bytes = write_bundle(gateway, &address, env!("CARGO_PKG_VERSION"), &file)?;
    let Address { url, shared, .. } = address;
    Ok(Saved { file, bytes, address: url, shared })
}

#[derive(Serialize)]
struct Certificate {
    file: PathBuf,
}

async fn save_authority(api: &Api, folder: &Path) -> Result<Certificate, Refusal> {
    let authority: Authority = api.get("/api/v1/sharing/authority").await?;
    let file = free(folder, CERTIFICATE);
    std::fs::write(&file, authority.pem).map_err(|error| Refusal::io("write", &file, &error))?;
    Ok(Certificate { file })
}

fn free(folder: &Path, (name, ending): (&str, &str)) -> PathBuf {
    let named = |number: u32| match number {
        1 => folder.join(format!("{name}.{ending}")),
        _ => folder.join(format!("{name}-{number}.{ending}")),
    };
    (1..MAX_NAMES).map(named).find(|file| !file.exists()).unwrap_or_else(|| named(MAX_NAMES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_takes_the_place_of_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let names = ["ai-agent-gateway-ca.crt", "ai-agent-gateway-ca-2.crt"];
        for name in names {
            let file = free(dir.path(), CERTIFICATE);
            assert_eq!(file, dir.path().join(name));
            std::fs::write(file, "").unwrap();
        }
    }
}
