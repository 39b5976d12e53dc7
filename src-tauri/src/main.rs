//! The desktop app of AI Agent Gateway; see the library beside it.

// No console window behind the app.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

use std::process::ExitCode;

fn main() -> ExitCode {
    match agw_shell::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ai-agent-gateway: {error:#}");
            ExitCode::FAILURE
        }
    }
}
