//! Sharing over TLS.

use std::path::{Path, PathBuf};

use agw_api::{Authority, Sharing, SharingCertificate, SharingSettings, SharingState};

use crate::args::{ShareCommand, ShareOn};
use crate::context::Context;
use crate::error::CliError;
use crate::output::{sentence, word, write_line};

const PATH: &str = "/api/v1/sharing";

pub(crate) async fn run(context: &Context<'_>, command: ShareCommand) -> Result<(), CliError> {
    match command {
        ShareCommand::On(args) => on(context, args).await,
        ShareCommand::Off => {
            let now: Sharing = context.client.get(PATH).await?;
            let wanted = SharingSettings { on: false, ..now.settings };
            let shared: Sharing = context.client.put(PATH, &wanted).await?;
            context.output.item(&shared, || "Only this machine reaches the gateway.".to_owned())
        }
        ShareCommand::Status => {
            let shared: Sharing = context.client.get(PATH).await?;
            context.output.item(&shared, || text(&shared))
        }
        ShareCommand::Ca { out } => authority(context, out).await,
    }
}

async fn on(context: &Context<'_>, args: ShareOn) -> Result<(), CliError> {
    let now: Sharing = context.client.get(PATH).await?;
    let known = now.settings;
    let names = match args.names {
        names if !names.is_empty() => names,
        _ if !known.names.is_empty() => known.names,
        _ => {
            let seems = now.suggested.join(" --name ");
            let next = format!("This machine seems to be: agw share on --name {seems}");
            return Err(CliError::usage("say by which name others reach this machine", &next));
        }
    };
    let certificate = match (args.certificate, args.key) {
        (Some(certificate), Some(key)) => {
            SharingCertificate::Files { certificate: absolute(certificate)?, key: absolute(key)? }
        }
        _ if args.own_certificate => SharingCertificate::Own,
        _ => known.certificate,
    };
    let wanted = SharingSettings {
        on: true,
        names,
        certificate,
        address: args.address.unwrap_or(known.address),
        port: args.port.unwrap_or(known.port),
        version: known.version,
    };
    let shared: Sharing = context.client.put(PATH, &wanted).await?;
    context.output.item(&shared, || text(&shared))?;
    if shared.settings.certificate == SharingCertificate::Own {
        context.output.hint("Other machines must trust its certificate: see `agw share ca`.");
    }
    Ok(())
}

/// The gateway's folder is not the one that the path was typed in.
fn absolute(path: PathBuf) -> Result<String, CliError> {
    let path = std::path::absolute(&path).map_err(|error| {
        CliError::usage(format!("{}: {error}", path.display()), "Give the path of a file.")
    })?;
    Ok(path.display().to_string())
}

fn text(shared: &Sharing) -> String {
    let Sharing { settings, state, problem, url, certificate, .. } = shared;
    let SharingSettings { address, port, names, certificate: source, .. } = settings;
    let head = match (state, url) {
        (SharingState::Off, _) => return "Only this machine reaches the gateway.".to_owned(),
        (SharingState::Listening, Some(url)) => {
            format!("Other machines reach the gateway at {url}.")
        }
        _ => format!("The gateway should be shared and is not ({}).", word(state)),
    };
    let source = match source {
        SharingCertificate::Own => "of the gateway's own authority".to_owned(),
        SharingCertificate::Files { certificate, .. } => certificate.clone(),
    };
    let mut rows = vec![
        ("listens on", format!("{address} port {port}")),
        ("names", names.join(", ")),
        ("certificate", source),
    ];
    if let Some(shown) = certificate {
        rows.push(("SHA-256", shown.fingerprint.clone()));
        rows.push(("expires", shown.expires_at.clone()));
    }
    if let Some(problem) = problem {
        rows.push(("PROBLEM", sentence(problem)));
    }
    let rows: Vec<String> = rows.iter().map(|(k, v)| format!("  {k:<12} {v}")).collect();
    format!("{head}\n{}", rows.join("\n"))
}

/// The certificate goes to stdout alone, so that it can be piped into a file.
async fn authority(context: &Context<'_>, out: Option<PathBuf>) -> Result<(), CliError> {
    let authority: Authority = context.client.get(&format!("{PATH}/authority")).await?;
    if context.output.json() {
        return context.output.item(&authority, String::new);
    }
    let file = match &out {
        Some(path) => {
            std::fs::write(path, &authority.pem).map_err(|error| {
                let next = "Choose another file with --out.";
                CliError::failed("file", format!("{}: {error}", path.display()), next)
            })?;
            path.as_path()
        }
        None => {
            write_line(authority.pem.trim_end())?;
            Path::new("agw-ca.crt")
        }
    };
    let file = file.display();
    context.output.hint(&format!(
        "SHA-256 {}
Compare this on the other machine, which can have the file from /ca.crt of the shared address, too.
To trust it there:
  Claude Code and other Node programs   NODE_EXTRA_CA_CERTS={file}
  Python (requests, httpx)              SSL_CERT_FILE={file}
  curl                                  curl --cacert {file} …
  all of the machine                    Debian: copy to /usr/local/share/ca-certificates/ and run update-ca-certificates
                                        macOS: security add-trusted-cert -r trustRoot {file}
                                        Windows: certutil -addstore -user Root {file}",
        authority.fingerprint
    ));
    Ok(())
}
