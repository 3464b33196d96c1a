//! The little of RTSP (RFC 2326) that the recorder speaks itself: messages, and one look at a camera before it is read.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::login::{Challenge, Login};
use crate::base::limits::{CAMERA_ANSWER_MAX, RTSP_BODY_MAX_BYTES, RTSP_HEAD_MAX_BYTES};
use crate::ledger::media::Cause;

/// Begins an interleaved packet (RFC 2326 §10.12).
const INTERLEAVED: u8 = b'$';

/// A request or an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Request line or status line.
    pub start: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What comes over a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Item {
    Message(Message),
    /// Whole packets of media or control, one behind the other, each with its four bytes of head: as many as had come.
    Packets(Vec<u8>),
}

/// Why a camera cannot be read, with the cause that a gap would name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct CameraError {
    pub cause: Cause,
    /// For people; never with a password.
    pub what: String,
}

impl CameraError {
    pub fn gone(what: impl Into<String>) -> Self {
        Self { cause: Cause::CameraGone, what: what.into() }
    }

    pub fn network(what: impl Into<String>) -> Self {
        Self { cause: Cause::Network, what: what.into() }
    }

    /// What an error of the connection says about the other end.
    pub fn of_io(error: &io::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, UnexpectedEof};
        match error.kind() {
            ConnectionRefused | ConnectionReset | ConnectionAborted | BrokenPipe | UnexpectedEof => {
                Self::gone(format!("the camera hung up: {error}"))
            }
            io::ErrorKind::InvalidData => Self::gone(format!("the camera does not speak RTSP: {error}")),
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::network("the camera does not answer"),
            _ => Self::network(error.to_string()),
        }
    }
}

impl Message {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Replaces the header, or adds it.
    pub fn set(&mut self, name: &str, value: String) {
        self.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value));
    }

    /// The status of an answer; `None` for a request.
    pub fn status(&self) -> Option<u16> {
        self.start.strip_prefix("RTSP/")?.split(' ').nth(1)?.parse().ok()
    }

    /// Method and URI of a request.
    pub fn request(&self) -> Option<(&str, &str)> {
        let mut words = self.start.split(' ');
        Some((words.next()?, words.next()?))
    }

    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(256 + self.body.len());
        bytes.extend_from_slice(self.start.as_bytes());
        for (name, value) in &self.headers {
            bytes.extend_from_slice(format!("\r\n{name}: {value}").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n\r\n");
        bytes.extend_from_slice(&self.body);
        out.write_all(&bytes)
    }
}

/// Reads messages and packets off a connection.
pub struct Items<R>(BufReader<R>);

impl<R: Read> Items<R> {
    pub fn new(from: R) -> Self {
        Self(BufReader::with_capacity(64 * 1_024, from))
    }

    /// The next one; `None` at the end.
    pub fn next(&mut self) -> io::Result<Option<Item>> {
        match self.0.fill_buf()?.first() {
            None => Ok(None),
            Some(&INTERLEAVED) => {
                let whole = whole_packets(self.0.buffer());
                if whole > 0 {
                    let packets = self.0.buffer().get(..whole).unwrap_or_default().to_vec();
                    self.0.consume(whole);
                    return Ok(Some(Item::Packets(packets)));
                }
                let mut head = [0; 4];
                self.0.read_exact(&mut head)?;
                let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
                let mut packet = vec![0; 4 + length];
                let (first, rest) = packet.split_at_mut(4);
                first.copy_from_slice(&head);
                self.0.read_exact(rest)?;
                Ok(Some(Item::Packets(packet)))
            }
            Some(_) => self.message().map(|message| Some(Item::Message(message))),
        }
    }

    fn message(&mut self) -> io::Result<Message> {
        let bad = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        let mut left = RTSP_HEAD_MAX_BYTES;
        let start = self.line(&mut left)?;
        let mut headers = Vec::new();
        loop {
            let line = self.line(&mut left)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| bad("a header without a colon"))?;
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        let mut message = Message { start, headers, body: Vec::new() };
        let length = message.header("Content-Length").map_or(Ok(0), str::parse::<usize>);
        let length = length.map_err(|_| bad("a length that is no number"))?;
        if length > RTSP_BODY_MAX_BYTES {
            return Err(bad("a body larger than any camera's"));
        }
        message.body = vec![0; length];
        self.0.read_exact(&mut message.body)?;
        Ok(message)
    }

    fn line(&mut self, left: &mut usize) -> io::Result<String> {
        let mut line = Vec::new();
        let limit = u64::try_from(*left).unwrap_or(0);
        (&mut self.0).take(limit).read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        *left -= line.len() + 1;
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        String::from_utf8(line).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a line that is no text"))
    }
}

/// How many bytes at the front are whole packets.
fn whole_packets(bytes: &[u8]) -> usize {
    let mut end = 0;
    while let Some(&[INTERLEAVED, _, high, low]) = bytes.get(end..end + 4) {
        let next = end + 4 + usize::from(u16::from_be_bytes([high, low]));
        if next > bytes.len() {
            break;
        }
        end = next;
    }
    end
}

/// A connection to a camera with the limits of [`crate::base::limits`].
pub fn connect(camera: SocketAddr) -> Result<TcpStream, CameraError> {
    let wait = Duration::from_micros(CAMERA_ANSWER_MAX.get());
    let stream = TcpStream::connect_timeout(&camera, wait).map_err(|error| CameraError::of_io(&error))?;
    let set = stream.set_read_timeout(Some(wait)).and_then(|()| stream.set_write_timeout(Some(wait)));
    set.and_then(|()| stream.set_nodelay(true)).map_err(|error| CameraError::of_io(&error))?;
    Ok(stream)
}

/// What a camera says it sends (RFC 4566).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Upper case, as in `rtpmap`.
    pub video: String,
    pub audio: Option<String>,
}

/// Asks the camera what it sends, proving ourselves if it wants that.
pub fn look(camera: SocketAddr, uri: &str, login: Option<&Login>) -> Result<Offer, CameraError> {
    let mut stream = connect(camera)?;
    let reading = stream.try_clone().map_err(|error| CameraError::of_io(&error))?;
    let mut items = Items::new(reading);
    let mut authorization = None;
    for sequence in 1..=2 {
        let answer = describe(&mut stream, &mut items, uri, sequence, authorization.take())?;
        let status = answer.status().unwrap_or(0);
        match (status, login) {
            (200, _) => {
                // The answer is what counts; the camera may have hung up already.
                let _ = stream.shutdown(Shutdown::Both);
                return read_offer(&String::from_utf8_lossy(&answer.body));
            }
            (401, Some(login)) if sequence == 1 => {
                let challenge = Challenge::strongest(answer.headers("WWW-Authenticate"));
                let challenge =
                    challenge.ok_or_else(|| CameraError::gone("the camera asks for an unknown kind of login"))?;
                authorization = Some(challenge.answer(login, "DESCRIBE", uri, 1, "0"));
            }
            (401, Some(_)) => return Err(CameraError::gone("the camera refuses user or password")),
            (401, None) => return Err(CameraError::gone("the camera asks for a user and a password")),
            (404, _) => return Err(CameraError::gone("the camera knows no stream under this path")),
            (300..=399, _) => return Err(CameraError::gone("the camera sends us elsewhere, which is not followed")),
            _ => return Err(CameraError::gone(format!("the camera refuses: {}", answer.start))),
        }
    }
    Err(CameraError::gone("the camera refuses user or password"))
}

fn describe(
    stream: &mut TcpStream,
    items: &mut Items<TcpStream>,
    uri: &str,
    sequence: u32,
    authorization: Option<String>,
) -> Result<Message, CameraError> {
    let mut request = Message {
        start: format!("DESCRIBE {uri} RTSP/1.0"),
        headers: vec![("CSeq".into(), sequence.to_string()), ("Accept".into(), "application/sdp".into())],
        body: Vec::new(),
    };
    if let Some(authorization) = authorization {
        request.set("Authorization", authorization);
    }
    request.write(stream).map_err(|error| CameraError::of_io(&error))?;
    loop {
        match items.next().map_err(|error| CameraError::of_io(&error))? {
            Some(Item::Message(answer)) if answer.status().is_some() => return Ok(answer),
            Some(_) => {}
            None => return Err(CameraError::gone("the camera hung up")),
        }
    }
}

fn read_offer(description: &str) -> Result<Offer, CameraError> {
    let (mut video, mut audio) = (None, None);
    let mut section = "";
    for line in description.lines() {
        if let Some(media) = line.strip_prefix("m=") {
            section = media.split(' ').next().unwrap_or_default();
            // RFC 3551: payload types 0 and 8 are named by their number alone.
            match (section, media.split(' ').nth(3)) {
                ("audio", Some("0")) if audio.is_none() => audio = Some("PCMU".to_owned()),
                ("audio", Some("8")) if audio.is_none() => audio = Some("PCMA".to_owned()),
                _ => {}
            }
        } else if let Some(map) = line.strip_prefix("a=rtpmap:") {
            let name = map.split(' ').nth(1).and_then(|codec| codec.split('/').next()).unwrap_or_default();
            match section {
                "video" if video.is_none() => video = Some(name.to_uppercase()),
                "audio" if audio.is_none() => audio = Some(name.to_uppercase()),
                _ => {}
            }
        }
    }
    match video {
        Some(video) => Ok(Offer { video, audio }),
        None => Err(CameraError::gone("the camera offers no video")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_packets_in_turn() {
        let wire =
            b"RTSP/1.0 200 OK\r\nCSeq: 1\r\ncontent-length: 3\r\n\r\nabc$\x01\x00\x02xy$\x00\x00\x00OPTIONS * RTSP/1.0\r\n\r\n";
        let mut items = Items::new(&wire[..]);
        let Some(Item::Message(answer)) = items.next().unwrap() else { panic!() };
        assert_eq!((answer.status(), &answer.body[..], answer.header("cseq")), (Some(200), &b"abc"[..], Some("1")));
        assert_eq!(items.next().unwrap(), Some(Item::Packets(b"$\x01\x00\x02xy$\x00\x00\x00".to_vec())));
        let Some(Item::Message(request)) = items.next().unwrap() else { panic!() };
        assert_eq!((request.request(), request.status()), (Some(("OPTIONS", "*")), None));
        assert_eq!(items.next().unwrap(), None);
    }

    #[test]
    fn what_is_no_rtsp_ends_the_reading() {
        let long = format!("RTSP/1.0 200 OK\r\nX: {}", "x".repeat(RTSP_HEAD_MAX_BYTES));
        for wire in
            ["HTTP", "a\r\nb\r\n\r\n", "a\r\nContent-Length: 999999\r\n\r\n", "a\r\nContent-Length: x\r\n\r\n", &long]
        {
            assert!(Items::new(wire.as_bytes()).next().is_err(), "{wire:.40}");
        }
    }

    #[test]
    fn offers() {
        let sdp = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=audio 0 RTP/AVP 97\r\n\
                   a=rtpmap:97 mpeg4-generic/44100/1\r\n";
        let offer = read_offer(sdp).unwrap();
        assert_eq!(offer, Offer { video: "H264".into(), audio: Some("MPEG4-GENERIC".into()) });
        let plain = read_offer("m=audio 0 RTP/AVP 8\nm=video 0 RTP/AVP 96\na=rtpmap:96 h265/90000\n").unwrap();
        assert_eq!(plain, Offer { video: "H265".into(), audio: Some("PCMA".into()) });
        assert!(read_offer("m=audio 0 RTP/AVP 0\n").is_err());
    }
}
