//! What a person does with the gateway, done with the same parts: the built
//! `agw` driven from its command line, a real keychain, the MCP servers and
//! clients that people have.

mod clients;
mod contract;
mod diagnosis;
mod keychain;
mod permissions;
mod relay;
mod rest;
mod revocation;
mod sample;
mod scene;
mod secrets;
mod trail;
mod wiring;
