//! Where secrets are kept: AES-256-GCM under a key hierarchy whose root never
//! touches the database.
//!
//! ```text
//! master key (OS keychain, or where the admin chose)
//!   └─ wraps data keys, one per generation (database)
//!        └─ derive a key per record and version (HKDF-SHA256)
//!             └─ seals one credential (AES-256-GCM, bound to its place)
//! ```
//!
//! A sealed value opens only in the place it was sealed for: its connection,
//! name and version are part of what is authenticated, so a row copied over
//! another one does not open. And it opens only for someone who holds leave
//! to use it: a [`Permit`](agw_core::Permit) for a call to that connection,
//! or a [`ConnectPermit`](agw_core::ConnectPermit) to start it.

mod cipher;
mod master;
mod password;
mod recovery;
mod secret;
mod ticket;
mod vault;

pub use master::{MasterKey, MasterKeyError, MasterKeySource};
pub use password::{PasswordError, PasswordHash};
pub use recovery::{RecoveryKey, RecoveryKeyError};
pub use secret::Secret;
pub use ticket::TicketKey;
pub use vault::{Own, Place, Vault, VaultError, WrappedDataKey};
