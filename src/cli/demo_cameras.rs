//! Two synthetic cameras for the demonstration, each in a room of its own: in one sits the first live auction, in the other
//! a session that goes on for days. They need `GStreamer`; without it the demonstration says so and goes on.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use super::output::say;
use crate::base::{Id, Span};
use crate::desk::{Desk, NewCamera};
use crate::evidence::RECORDED_HERE;
use crate::identity::{Role, Viewer};
use crate::ledger::media::Retention;

const SCRIPT: &str = include_str!("../../ops/cameras/camera.py");
/// The loopback interface, where they answer.
pub const NETWORK: &str = "127.0.0.0/8";
/// Room, place, picture.
const ROOMS: [(&str, &str, &str); 2] = [("开标一室", "二层东侧", "ball"), ("开标二室", "二层西侧", "pinwheel")];
const BOOKED: Span = Span::hours(6);

/// They run for as long as this is held.
pub struct Cameras(Vec<Child>);

impl Cameras {
    /// Starts them and puts them into rooms; `operator` sets them up, `lots` sit there.
    pub fn start(desk: &Desk, operator: Id, lots: &[Id]) -> Self {
        let operator = Viewer { account: Some(operator), role: Role::Operator, ..Viewer::public() };
        let mut running = Vec::new();
        for ((name, place, picture), lot) in ROOMS.into_iter().zip(lots) {
            let (child, port) = match camera(picture) {
                Ok(started) => started,
                Err(why) => {
                    say(&format!("  No synthetic cameras: {why}\n"));
                    break;
                }
            };
            running.push(child);
            if let Err(refusal) = furnish(desk, &operator, (name, place), port, *lot) {
                tracing::warn!(%refusal, "a demonstration camera is not set up");
            }
        }
        if !running.is_empty() {
            say(&format!("  {} synthetic cameras are recorded; supervisors see them on the floor\n", running.len()));
        }
        Self(running)
    }
}

impl Drop for Cameras {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn furnish(
    desk: &Desk,
    who: &Viewer,
    (name, place): (&str, &str),
    port: u16,
    lot: Id,
) -> Result<(), crate::engine::Refusal> {
    let room = desk.add_room(who, name, place)?;
    let camera = NewCamera {
        room,
        name: "全景".into(),
        source: RECORDED_HERE.into(),
        address: format!("rtsp://127.0.0.1:{port}/live"),
        user: String::new(),
        password: String::new().into(),
        retention: Retention::Days7,
    };
    desk.add_camera(who, &camera)?;
    let now = desk.now();
    desk.book_room(who, room, lot, now, now.plus(BOOKED))?;
    Ok(())
}

/// The script comes over standard input; what it prints first is its port.
fn camera(picture: &str) -> Result<(Child, u16), String> {
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-", "--pattern", picture]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("/usr/bin/python3: {error}"))?;
    if let Some(mut script) = child.stdin.take() {
        script.write_all(SCRIPT.as_bytes()).map_err(|error| error.to_string())?;
    }
    let first = |from: Option<&mut dyn std::io::Read>| {
        let mut line = String::new();
        // Nothing is said by a program that has ended, and then the other line says why.
        let _ = from.map(|from| BufReader::new(from).read_line(&mut line));
        line.trim().to_owned()
    };
    let port = first(child.stdout.as_mut().map(|out| out as &mut dyn std::io::Read));
    if let Ok(port) = port.parse() {
        return Ok((child, port));
    }
    let why = first(child.stderr.as_mut().map(|out| out as &mut dyn std::io::Read));
    // It has ended, or would have given its port.
    let _ = child.kill();
    let _ = child.wait();
    Err(why)
}
