//! Invites.

use agw_api::{Authority, Invite, InviteCreated, NewInvite, segment};
use serde::Serialize;

use crate::args::InviteCommand;
use crate::context::Context;
use crate::error::CliError;
use crate::output::word;

const PATH: &str = "/api/v1/invites";

pub(crate) async fn run(context: &Context<'_>, command: InviteCommand) -> Result<(), CliError> {
    #[derive(Serialize)]
    struct Revoked<'a> {
        revoked: &'a str,
    }

    match command {
        InviteCommand::Create { name, role, teams, ttl } => {
            let role = role.map(Into::into);
            let request = NewInvite { user: name, role, teams, ttl_seconds: ttl };
            let created: InviteCreated = context.client.post(PATH, &request).await?;
            context.output.item(&created, || created.link.clone())?;
            if created.shared {
                let authority: Result<Authority, _> =
                    context.client.get("/api/v1/sharing/authority").await;
                if authority.is_ok_and(|authority| authority.in_use) {
                    context.output.hint(
                        "Their browser will warn until their machine trusts the gateway's own authority: send along what `agw share ca` prints.",
                    );
                }
            } else {
                context.output.hint(
                    "It works on this machine only: `agw share on` lets other machines in, then make a new one.",
                );
            }
            Ok(())
        }
        InviteCommand::List => {
            let invites: Vec<Invite> = context.client.get(PATH).await?;
            context.output.list(
                &invites,
                &["ID", "USER", "ROLE", "STATE", "MADE BY", "EXPIRES"],
                |invite| {
                    vec![
                        invite.id.clone(),
                        invite.user.clone(),
                        word(&invite.role),
                        word(&invite.state),
                        invite.by.clone(),
                        invite.expires_at.clone(),
                    ]
                },
                "There are no invites: `agw invite create NAME` makes one.",
            )
        }
        InviteCommand::Revoke { id } => {
            context.client.delete(&format!("{PATH}/{}", segment(&id))).await?;
            context.output.item(&Revoked { revoked: &id }, || {
                format!("The link of invite {id} opens nothing any more.")
            })
        }
    }
}
