//! Cameras from lens to ledger, with a real RTSP camera.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod camera;
mod clips;
mod faults;
mod footage;
mod world;
