//! Cameras from lens to ledger, with a real RTSP camera.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod alarms;
mod away;
mod bucket;
mod camera;
mod clips;
mod elsewhere;
mod faults;
mod footage;
mod late;
mod light;
mod rooms;
#[path = "../servers/mod.rs"]
mod servers;
mod web;
mod world;
