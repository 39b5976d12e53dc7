//! Embeds the web view and the permissions.

fn main() {
    // A capabilities pattern of one's own switches off Tauri's tracking, and
    // files added to the web view's build are never tracked by it.
    for path in ["src-tauri/capabilities", "src-tauri/permissions", "ui/dist"] {
        println!("cargo:rerun-if-changed={path}");
    }
    let permissions = tauri_build::AppManifest::new()
        .permissions_path_pattern("./src-tauri/permissions/**/*.toml");
    let attributes = tauri_build::Attributes::new()
        .capabilities_path_pattern("./src-tauri/capabilities/**/*.json")
        .app_manifest(permissions);
    if let Err(error) = tauri_build::try_build(attributes) {
        eprintln!("cannot prepare the desktop app: {error:#}");
        std::process::exit(1);
    }
}
