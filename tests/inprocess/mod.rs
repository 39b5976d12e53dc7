//! Against a gateway inside the test's own process.

mod admin_api;
mod bad_requests;
mod bad_upstreams;
mod forwards;
mod items;
mod live;
mod permissions;
mod pins;
mod scene;
mod smoke;
mod trail;
