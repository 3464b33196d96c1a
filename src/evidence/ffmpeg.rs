//! One ffmpeg a camera: it copies the camera's streams into fragments on its standard output, and says on its standard
//! error how loud the sound is and what each key frame looks like. It is handed no password, no file and no network but
//! the relay.

use std::path::Path;
use std::process::{Command, Stdio};

use super::rtsp::Offer;

/// Sound that MP4 holds as it is; anything else is encoded anew.
const COPIED: [&str; 2] = ["MPEG4-GENERIC", "MP4A-LATM"];

/// A quiet second has no logarithm.
const LEVEL_FLOOR: i32 = -12_000;

pub fn command(ffmpeg: &Path, url: &str, offer: &Offer) -> Command {
    let mut command = Command::new(ffmpeg);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut say = |words: &str| {
        command.args(words.split(' '));
    };
    say("-hide_banner -filter_threads 1 -nostdin -nostats -loglevel error -protocol_whitelist rtsp,rtp,tcp,pipe");
    // Key frames alone are decoded: enough to see a picture that never changes.
    say("-rtsp_transport tcp -timeout 10000000 -analyzeduration 1000000 -threads 1 -skip_frame:v nokey -i");
    say(url);
    say("-map 0:v:0 -c:v copy");
    if offer.video == "H265" {
        say("-tag:v hvc1");
    }
    if let Some(audio) = &offer.audio {
        say("-map 0:a:0");
        say(if COPIED.contains(&audio.as_str()) { "-c:a copy" } else { "-c:a aac -b:a 64k" });
    }
    say("-f mp4 -movflags +empty_moov+default_base_moof+frag_keyframe -flush_packets 1 pipe:1");
    if offer.audio.is_some() {
        // A line a second.
        say("-map 0:a:0 -af");
        say(
            "aresample=8000,asetnsamples=8000,astats=metadata=1:reset=1:measure_perchannel=none:measure_overall=RMS_level,\
             ametadata=mode=print:key=lavfi.astats.Overall.RMS_level:file=pipe\\\\:2:direct=1",
        );
        say("-f null -");
    }
    // Small and coarse: a camera's noise does not reach it, and neither does an encoder's rounding.
    say(
        "-map 0:v:0 -vf scale=64:36:flags=area,format=gray,lutyuv=y=bitand(val\\,248),format=gray -fps_mode passthrough",
    );
    say("-f framehash -hash md5 -flush_packets 1 pipe:2");
    command
}

/// A line of ffmpeg's standard error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// Of one second, in hundredths of a decibel of full scale.
    Level(i32),
    /// What a key frame looks like.
    Picture(String),
    Said(String),
}

/// What a line means; `None` for headings.
pub fn read(line: &str) -> Option<Sign> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') || line.starts_with("frame:") {
        return None;
    }
    if let Some(level) = line.strip_prefix("lavfi.astats.Overall.RMS_level=") {
        return Some(Sign::Level(hundredths(level).unwrap_or(LEVEL_FLOOR).max(LEVEL_FLOOR)));
    }
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    if let [stream, _, _, _, _, hash] = fields[..]
        && stream.bytes().all(|b| b.is_ascii_digit())
        && hash.len() == 32
    {
        return Some(Sign::Picture(hash.to_owned()));
    }
    Some(Sign::Said(line.chars().take(300).collect()))
}

/// `-21.075` as −2107.
fn hundredths(text: &str) -> Option<i32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction: String = fraction.chars().chain("00".chars()).take(2).collect();
    format!("{whole}{fraction}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let hash = "7f1a5c0de1b24b0a8f8c1d2e3f405162";
        for (line, sign) in [
            ("lavfi.astats.Overall.RMS_level=-21.075", Some(Sign::Level(-2_107))),
            ("lavfi.astats.Overall.RMS_level=-0.5", Some(Sign::Level(-50))),
            ("lavfi.astats.Overall.RMS_level=-inf", Some(Sign::Level(LEVEL_FLOOR))),
            ("frame:0    pts:0       pts_time:0", None),
            ("#software: Lavf59", None),
            (&format!("0,  0,  0,  1,  2304, {hash}"), Some(Sign::Picture(hash.into()))),
            ("[rtsp @ 0x1] method DESCRIBE failed", Some(Sign::Said("[rtsp @ 0x1] method DESCRIBE failed".into()))),
        ] {
            assert_eq!(read(line), sign, "{line}");
        }
    }

    #[test]
    fn sound_is_copied_where_it_can_be() {
        let arguments = |audio: Option<&str>| {
            let offer = Offer { video: "H264".into(), audio: audio.map(str::to_owned) };
            let command = command(Path::new("ffmpeg"), "rtsp://127.0.0.1:1/x", &offer);
            command.get_args().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
        };
        assert!(arguments(Some("MPEG4-GENERIC")).contains("-c:a copy"));
        assert!(arguments(Some("PCMA")).contains("-c:a aac"));
        assert!(!arguments(None).contains("0:a"));
    }
}
