//! The disk of `fixtures/disk.c`: a data folder whose writes fail when a test
//! says so, and are recorded.

use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use tempfile::TempDir;

/// What fails from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Nothing,
    /// Whatever changes a file or a name.
    Writes(Errno),
    Syncs(Errno),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errno {
    /// The disk is broken.
    Eio,
    /// It is full.
    Enospc,
    /// It may be read only. (It cannot really be remounted so: the kernel
    /// refuses while files are open for writing. It does it by itself when
    /// the file system is damaged.)
    Erofs,
}

/// One folder, for one program.
pub struct Shim {
    dir: PathBuf,
    control: File,
    /// Of the trace and the control file.
    beside: TempDir,
}

impl Shim {
    pub fn new(dir: &Path) -> Self {
        let beside = TempDir::new().unwrap();
        let control = File::create_new(beside.path().join("control")).unwrap();
        let shim = Self { dir: dir.canonicalize().unwrap(), control, beside };
        shim.fail(Fault::Nothing);
        File::create_new(shim.trace()).unwrap();
        shim
    }

    /// Puts a command's data folder on it.
    pub fn under(&self, command: &mut Command) {
        command.env("LD_PRELOAD", built()).env("AGW_DISK_DIR", &self.dir);
        command.env("AGW_DISK_CONTROL", self.beside.path().join("control"));
        command.env("AGW_DISK_TRACE", self.trace());
    }

    pub fn trace(&self) -> PathBuf {
        self.beside.path().join("trace")
    }

    pub fn fail(&self, fault: Fault) {
        let word = |errno| match errno {
            Errno::Eio => "EIO",
            Errno::Enospc => "ENOSPC",
            Errno::Erofs => "EROFS",
        };
        let text = match fault {
            Fault::Nothing => "nothing".to_owned(),
            Fault::Writes(errno) => format!("write {}", word(errno)),
            Fault::Syncs(errno) => format!("sync {}", word(errno)),
        };
        // In one write and of one length, so that nobody reads a half.
        self.control.write_all_at(format!("{text:<16}").as_bytes(), 0).unwrap();
    }
}

/// The library, compiled once in each run; the compiler is there because
/// SQLite needs it.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/disk.c");
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("disk.so");
        // Another run may be loading the one that is there.
        let new = library.with_extension(format!("so.{}", std::process::id()));
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]);
        let status = compiler.arg(&new).arg(source).status().expect("cc, a C compiler");
        assert!(status.success(), "{source} does not compile");
        std::fs::rename(&new, &library).unwrap();
        library
    })
}
