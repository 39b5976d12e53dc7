//! Against a gateway inside the test's own process.

mod smoke;
