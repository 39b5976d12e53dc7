//! `agw` as the crash test wants it: see `agw_gateway`'s feature `seeded-fault`.

fn main() -> std::process::ExitCode {
    agw_cli::main()
}
