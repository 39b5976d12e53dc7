//! Disks that fail: they break, are full, may not be written, are held by
//! somebody else, or lose what was not synced. What cannot be recorded is not
//! forwarded, and the service comes back by itself.

mod failing;
mod full;
mod image;
mod locked;
mod outage;
mod power;
mod trace;
mod whole;
