//! Against a gateway inside the test's own process.

mod accounts;
mod admin_api;
mod bad_requests;
mod bad_upstreams;
mod connections;
mod egress;
mod forwards;
mod invites;
mod items;
mod live;
mod oauth;
mod permissions;
mod pins;
mod relay;
mod scene;
mod sharing;
mod smoke;
mod trail;
