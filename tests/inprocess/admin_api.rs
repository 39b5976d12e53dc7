//! The admin API: who may ask what, and what it never tells.

mod openapi;
