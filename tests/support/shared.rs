//! A gateway that other machines reach. In these tests they are at
//! `127.0.0.2`: nothing that listens on `127.0.0.1` alone answers there.

use std::net::TcpListener;

use agw_api::{Authority, Sharing, SharingCertificate, SharingSettings};

use super::{InProcess, http};

pub const ADDRESS: &str = "127.0.0.2";

/// A port of that address that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((ADDRESS, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

pub async fn sharing(gateway: &InProcess) -> Sharing {
    gateway.admin.get("/api/v1/sharing").await.unwrap()
}

/// On, with the gateway's own certificate, by its address and as `gw.test`.
pub async fn settings(gateway: &InProcess) -> SharingSettings {
    SharingSettings {
        on: true,
        address: ADDRESS.into(),
        port: free_port(),
        names: vec![ADDRESS.into(), "gw.test".into()],
        certificate: SharingCertificate::Own,
        version: sharing(gateway).await.settings.version,
    }
}

pub async fn authority(gateway: &InProcess) -> Authority {
    gateway.admin.get("/api/v1/sharing/authority").await.unwrap()
}

/// Shares it: `https://127.0.0.2:PORT`, whose authority is trusted from now on.
pub async fn share(gateway: &InProcess) -> String {
    let wanted = settings(gateway).await;
    let shared: Sharing = gateway.admin.put("/api/v1/sharing", &wanted).await.unwrap();
    let url = shared.url.expect("it is shared");
    http::trust(&url, &authority(gateway).await.pem);
    url
}

pub async fn switch_off(gateway: &InProcess) -> Sharing {
    let wanted = SharingSettings { on: false, ..sharing(gateway).await.settings };
    gateway.admin.put("/api/v1/sharing", &wanted).await.unwrap()
}
