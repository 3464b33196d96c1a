//! The proxy's configuration, carried by the real proxy: TLS, upgrade of the stream, what must not be seen from outside.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::server::{Server, free_port, until};
use crate::{content, program, text};

type Tls = StreamOwned<ClientConnection, TcpStream>;

struct Proxy {
    child: Child,
    port: u16,
    plain_port: u16,
    tls: Arc<ClientConfig>,
    _dir: tempfile::TempDir,
}

/// The shipped file with this test's ports, paths and node in the place of a deployment's.
fn configuration(dir: &Path, port: u16, plain_port: u16, node: u16) -> String {
    let own = |name: &str| dir.join(name).display().to_string();
    let mut text = text("ops/nginx/nginx.conf");
    for (ours, theirs) in [
        ("listen 443 ", format!("listen 127.0.0.1:{port} ")),
        ("listen 80;", format!("listen 127.0.0.1:{plain_port};")),
        ("server node1:8080", format!("server 127.0.0.1:{node}")),
        ("server node2:8080 max_fails=2", "server 127.0.0.1:9 max_fails=1".to_owned()),
        ("/etc/nginx/tls/fullchain.pem", own("cert.pem")),
        ("/etc/nginx/tls/privkey.pem", own("key.pem")),
        ("/tmp/nginx.pid", own("pid")),
        ("/tmp/nginx-", own("")),
    ] {
        assert!(text.contains(ours), "the configuration has no «{ours}» any more");
        text = text.replace(ours, &theirs);
    }
    text
}

impl Proxy {
    fn before(node: u16) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        content(
            program("openssl")
                .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
                .args([
                    "-nodes",
                    "-days",
                    "2",
                    "-subj",
                    "/CN=localhost",
                    "-addext",
                    "subjectAltName=DNS:localhost",
                    "-addext",
                    "basicConstraints=critical,CA:FALSE",
                    "-keyout",
                    &at("key.pem"),
                    "-out",
                    &at("cert.pem"),
                ]),
        );
        let (port, plain_port) = (free_port(), free_port());
        fs::write(at("nginx.conf"), configuration(dir.path(), port, plain_port, node)).unwrap();
        let arguments = ["-p", &at(""), "-e", &at("errors"), "-c", &at("nginx.conf")];
        let said = content(program("nginx").arg("-t").args(arguments));
        assert!(said.contains("test is successful") && !said.contains("[warn]"), "{said}");
        let mut command = program("nginx");
        command.args(arguments).args(["-g", "daemon off;"]).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();

        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(at("cert.pem")).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = Arc::new(tls.with_root_certificates(roots).with_no_client_auth());
        let proxy = Self { child, port, plain_port, tls, _dir: dir };
        until("the proxy listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        proxy
    }

    fn connect(&self) -> Tls {
        let socket = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        StreamOwned::new(ClientConnection::new(Arc::clone(&self.tls), name).unwrap(), socket)
    }

    /// The whole answer to a GET.
    fn get(&self, path: &str, headers: &str) -> String {
        let mut stream = self.connect();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n").unwrap();
        let mut answer = Vec::new();
        // A proxy may end the connection without TLS's good-bye.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Its workers go with it.
        let pid = self.child.id().to_string();
        let _ = program("kill").args(["-QUIT", &pid]).status();
        let _ = self.child.wait();
    }
}

#[test]
fn the_proxy_carries_requests_and_the_stream_over_tls() {
    let server =
        Server::start(&[("MINGJIAN_BEHIND_PROXY", "true"), ("MINGJIAN_WEB_ORIGINS", "[\"https://localhost\"]")]);
    let proxy = Proxy::before(server.port);

    let alive = proxy.get("/healthz", "");
    assert!(alive.starts_with("HTTP/1.1 200 ") && alive.ends_with(r#"{"status":"ok"}"#), "{alive}");
    assert!(alive.to_ascii_lowercase().contains("strict-transport-security: max-age="), "{alive}");
    // The proxy's name of a request is the platform's, whatever the client claims; so both logs say the same.
    let named = proxy.get("/ledger/main/checkpoint", "X-Request-Id: mine\r\n");
    let id = named.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("x-request-id: ").map(str::to_owned));
    let id = id.unwrap();
    assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    server.logged("the same id", |line| line.contains(&id));
    for path in ["/metrics", "/readyz"] {
        assert!(proxy.get(path, "").starts_with("HTTP/1.1 404 "), "{path} is not for the world");
    }
    let mut plain = TcpStream::connect(("127.0.0.1", proxy.plain_port)).unwrap();
    plain.write_all(b"GET /lots?x=1 HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let mut sent_on = String::new();
    plain.read_to_string(&mut sent_on).unwrap();
    assert!(
        sent_on.starts_with("HTTP/1.1 308 ") && sent_on.contains("Location: https://localhost/lots?x=1"),
        "{sent_on}"
    );

    // The stream: the handshake of RFC 6455 §1.3 with its own example, then a subscription and what it brings.
    let mut stream = proxy.connect();
    let handshake = "GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Origin: https://localhost\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: mingjian.v1\r\n\r\n";
    stream.write_all(handshake.as_bytes()).unwrap();
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(stream.read_line(&mut head).unwrap() > 0, "{head}");
    }
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.to_ascii_lowercase().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
    let subscription = br#"{"subscribe":{"scope":"ledger","from":0}}"#;
    // A client's frame is masked (§5.2); a mask of zeroes leaves it readable.
    let mut frame = vec![0x81, 0x80 | u8::try_from(subscription.len()).unwrap(), 0, 0, 0, 0];
    frame.extend_from_slice(subscription);
    stream.get_mut().write_all(&frame).unwrap();
    let mut start = [0; 2];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(start[0], 0x81, "a text message");
    let length = match start[1] {
        126 => {
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            usize::from(u16::from_be_bytes(length))
        }
        length => usize::from(length),
    };
    let mut message = vec![0; length];
    stream.read_exact(&mut message).unwrap();
    let message: serde_json::Value = serde_json::from_slice(&message).unwrap();
    assert_eq!(message["entry"]["seq"], 0, "{message}");
}
