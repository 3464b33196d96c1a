//! Reads the time of capture off pictures: the synthetic camera's brightness is a clock (`--light-clock`).

use std::io::Write as _;
use std::process::{Command, Stdio};

/// As in ops/cameras/camera.py: fifty levels, one each tenth of a second.
const LIGHTS: i64 = 50;
const LIGHT_MICROS: i64 = 100_000;
/// A patch of each picture, and its size in bytes.
const PATCH: &str = "crop=64:32:288:160,extractplanes=y";
const PATCH_BYTES: usize = 64 * 32;
/// Between two pictures.
const PICTURE_MICROS: i64 = 1_000_000 / 15;

/// How far each picture's light is from the time that it is claimed to be of, in microseconds; `film`: an init segment with
/// its segments, the first picture claimed at `from`.
pub fn off(film: &[u8], from: i64) -> Vec<i64> {
    let levels = levels(film);
    let claimed = (0..).map(|number: i64| from + number * PICTURE_MICROS);
    levels.iter().zip(claimed).map(|(level, claimed)| apart(*level, claimed)).collect()
}

/// From the moment that the light says to the claimed one, the short way round its period.
fn apart(luma: i64, claimed: i64) -> i64 {
    // ITU-R BT.601: luma runs from 16 to 235.
    let grey = (luma - 16) * 255 / 219;
    let lit = ((grey - 20 + 2) / 4).rem_euclid(LIGHTS) * LIGHT_MICROS + LIGHT_MICROS / 2;
    let period = LIGHTS * LIGHT_MICROS;
    let apart = (claimed - lit).rem_euclid(period);
    if apart > period / 2 { apart - period } else { apart }
}

/// The mean luma of each picture.
fn levels(film: &[u8]) -> Vec<i64> {
    let mut ffmpeg = Command::new("/usr/bin/ffmpeg");
    ffmpeg.args([
        "-loglevel",
        "error",
        "-i",
        "pipe:0",
        "-vf",
        PATCH,
        "-fps_mode",
        "passthrough",
        "-f",
        "rawvideo",
        "pipe:1",
    ]);
    let mut child = ffmpeg.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, film) = (child.stdin.take().unwrap(), film.to_vec());
    let feeding = std::thread::spawn(move || input.write_all(&film).unwrap());
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    assert!(output.status.success());
    let mean =
        |patch: &[u8]| patch.iter().map(|byte| i64::from(*byte)).sum::<i64>() / i64::try_from(patch.len()).unwrap();
    output.stdout.chunks_exact(PATCH_BYTES).map(mean).collect()
}
