//! One integration binary. [`inprocess`] runs the gateway inside this
//! process; the other modules run the built `agw` and the built window with
//! the parts that a user has: a real keychain, real MCP servers, real clients.

mod architecture;
mod crash;
mod disk;
mod fuzz;
mod inprocess;
mod journey;
mod log_mutations;
mod measured;
mod model;
mod screens;
mod support;
mod window;
