//! A small HTTP server that answers as it is told, for systems that the recorder talks to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

pub struct Request {
    pub method: String,
    /// With its query.
    pub path: String,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// A field of the query, decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.path.split_once('?')?;
        let field = query.split('&').find_map(|field| field.strip_prefix(name)?.strip_prefix('='))?;
        let mut out = Vec::new();
        let mut bytes = field.bytes();
        while let Some(byte) = bytes.next() {
            if byte == b'%' {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                out.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
            } else {
                out.push(byte);
            }
        }
        Some(String::from_utf8(out).unwrap())
    }
}

pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn of(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }
}

/// It ends with the test's process.
pub struct Web {
    pub address: SocketAddr,
    /// Method and path of what was asked.
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl Web {
    pub fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (log, answer) = (Arc::clone(&asked), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                std::thread::spawn(move || serve(stream, &log, &*answer));
            }
        });
        Self { address, asked }
    }
}

fn serve(stream: TcpStream, log: &Mutex<Vec<String>>, answer: &dyn Fn(&Request) -> Reply) {
    let mut out = stream.try_clone().unwrap();
    let mut from = BufReader::new(stream);
    while let Some(request) = read(&mut from) {
        log.lock().unwrap().push(format!("{} {}", request.method, request.path));
        let Reply { status, headers, body } = answer(&request);
        let mut head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head.extend([name, ": ", &value, "\r\n"]);
        }
        if out.write_all(format!("{head}\r\n").as_bytes()).and_then(|()| out.write_all(&body)).is_err() {
            return;
        }
    }
}

fn read(from: &mut BufReader<TcpStream>) -> Option<Request> {
    let line = |from: &mut BufReader<TcpStream>| {
        let mut text = String::new();
        from.read_line(&mut text).ok().filter(|count| *count > 0)?;
        Some(text.trim_end().to_owned())
    };
    let start = line(from)?;
    let mut words = start.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let text = line(from)?;
        let Some((name, value)) = text.split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut request = Request { method, path, headers, body: Vec::new() };
    let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    request.body = vec![0; length];
    from.read_exact(&mut request.body).ok()?;
    Some(request)
}
