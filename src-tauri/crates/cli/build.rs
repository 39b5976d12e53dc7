//! Files that are added to the web view's build are not tracked by what embeds
//! them; a debug build reads them when it is asked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo:rerun-if-changed=../../../ui/dist");
    }
}
