//! What agents may send and should not. Each case is answered in the form of
//! its face, recorded where it is a call, and never forwarded.

mod bodies;
mod limits;
mod names;
mod origins;
mod revisions;
mod sessions;
mod tokens;
