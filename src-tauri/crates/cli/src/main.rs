use std::process::ExitCode;

fn main() -> ExitCode {
    agw_cli::main()
}
