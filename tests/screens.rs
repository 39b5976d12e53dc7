//! Every screen in a real browser at a real gateway.

use crate::support::{PASSWORD, seed::Seeded};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs until it is interrupted: a gateway to look at"]
async fn seeded_gateway_to_look_at() {
    let seeded = Seeded::start().await;
    println!("{}  root, ana or vera / {PASSWORD}", seeded.gateway.url("/"));
    std::future::pending::<()>().await;
}
