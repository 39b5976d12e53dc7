//! The bodies of the admin API.

mod approvals;
mod audit;
mod connections;
mod doctor;
mod egress;
mod grants;
mod people;
mod service;
mod sharing;
mod tools;

pub use approvals::*;
pub use audit::*;
pub use connections::*;
pub use doctor::*;
pub use egress::*;
pub use grants::*;
pub use people::*;
pub use service::*;
pub use sharing::*;
pub use tools::*;
