//! Against a gateway inside the test's own process.

mod admin_api;
mod smoke;
