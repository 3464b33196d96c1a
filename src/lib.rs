//! Mingjian 明鉴: a public-resource trading platform with a live audit trail.
//!
//! The ledger is the truth; everything else is a view of it. The rooms below stand in reading order, and each uses only
//! rooms above it (`tests/tidy.rs` holds that order). Without the default feature `server` the crate is the verifier:
//! the first four rooms, which need no operating system and also build for wasm32.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

pub mod base;

pub mod engine;

pub mod ledger;

pub mod review;

#[cfg(feature = "server")]
pub mod print;

#[cfg(feature = "server")]
pub mod sequencer;

#[cfg(feature = "server")]
pub mod witness;

#[cfg(feature = "server")]
pub mod mirror;

#[cfg(feature = "server")]
pub mod store;

#[cfg(feature = "server")]
pub mod evidence;

#[cfg(feature = "server")]
pub mod relay;

#[cfg(feature = "server")]
pub mod live;

#[cfg(feature = "server")]
pub mod identity;

#[cfg(feature = "server")]
pub mod desk;

#[cfg(feature = "server")]
pub mod http;

#[cfg(feature = "server")]
pub mod demo;

#[cfg(feature = "server")]
pub mod cli;
#[cfg(feature = "server")]
pub mod config;
#[cfg(feature = "server")]
pub mod telemetry;

#[cfg(feature = "server")]
pub mod sim;
