//! Where a camera may be: addresses are typed by people, so their scheme and their network are on a list. Names are
//! resolved here and what they resolve to is checked, so that no name leads the recorder anywhere else.

use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;

use crate::base::limits::CAMERA_TEXT_MAX_BYTES;

/// Which schemes an address may have: cameras that are recorded here, and other systems that are asked over HTTP.
pub const CAMERAS: &[&str] = &["rtsp"];
pub const ASKED: &[&str] = &["http", "https"];
pub const REFERRED: &[&str] = &["http", "https", "rtsp"];

/// `scheme://host[:port]/path?query`, without user and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub scheme: &'static str,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
    /// With its leading slash; query and all.
    path: String,
}

/// Why an address is not accepted, in words for the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("the address must begin with {0}")]
    Scheme(String),
    #[error(
        "the address is longer than {CAMERA_TEXT_MAX_BYTES} bytes, or holds spaces or characters that no address has"
    )]
    Form,
    #[error("user and password must not stand in the address; they have fields of their own")]
    Login,
    #[error("{0:?} is no host with an optional port")]
    Host(String),
    #[error("{0} cannot be found")]
    Unresolved(String),
    #[error("{0} lies in no network that cameras may be in (setting evidence.networks)")]
    Network(String),
}

impl FromStr for Address {
    type Err = AddressError;

    /// Of a camera.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::of(text, CAMERAS)
    }
}

impl Address {
    /// With one of these schemes.
    pub fn of(text: &str, schemes: &[&'static str]) -> Result<Self, AddressError> {
        let found = schemes.iter().find_map(|scheme| Some((*scheme, text.strip_prefix(scheme)?.strip_prefix("://")?)));
        let expected = || schemes.iter().map(|scheme| format!("{scheme}://")).collect::<Vec<_>>().join(" / ");
        let (scheme, rest) = found.ok_or_else(|| AddressError::Scheme(expected()))?;
        if text.len() > CAMERA_TEXT_MAX_BYTES || !rest.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'#') {
            return Err(AddressError::Form);
        }
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        if authority.contains('@') {
            return Err(AddressError::Login);
        }
        let bad = || AddressError::Host(authority.to_owned());
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(bad)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| bad())?;
                (host, port.strip_prefix(':').or_else(|| port.is_empty().then_some("")).ok_or_else(bad)?)
            }
            None => authority.split_once(':').unwrap_or((authority, "")),
        };
        if host.is_empty() || !host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:".contains(&b)) {
            return Err(bad());
        }
        let usual = match scheme {
            "http" => 80,
            "https" => 443,
            _ => 554,
        };
        let port = if port.is_empty() { usual } else { port.parse().map_err(|_| bad())? };
        Ok(Self { scheme, host: host.to_owned(), port, path: path.to_owned() })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port, path } = self;
        let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{host}{close}:{port}{path}")
    }
}

impl Address {
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Scheme, host and port.
    pub fn base(&self) -> String {
        let whole = self.to_string();
        whole.strip_suffix(self.path.as_str()).unwrap_or(&whole).to_owned()
    }

    /// The socket to connect to: the first that the name resolves to and that lies in `networks`.
    pub fn resolve(&self, networks: &Networks) -> Result<SocketAddr, AddressError> {
        let found = (self.host.as_str(), self.port).to_socket_addrs();
        let found: Vec<_> = found.map_err(|_| AddressError::Unresolved(self.host.clone()))?.collect();
        let allowed = found.iter().find(|socket| networks.contain(socket.ip()));
        match (allowed, found.first()) {
            (Some(socket), _) => Ok(*socket),
            (None, Some(_)) => Err(AddressError::Network(self.host.clone())),
            (None, None) => Err(AddressError::Unresolved(self.host.clone())),
        }
    }

    /// Refuses what can be refused before anybody connects: an address in figures outside of `networks`.
    pub fn check(&self, networks: &Networks) -> Result<(), AddressError> {
        match self.host.parse::<IpAddr>() {
            Ok(ip) if !networks.contain(ip) => Err(AddressError::Network(self.host.clone())),
            _ => Ok(()),
        }
    }
}

/// The networks that cameras may be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    bits: u128,
    prefix: u32,
    is_v4: bool,
}

/// The text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no network such as 192.168.0.0/16")]
pub struct NotANetwork(pub String);

impl Networks {
    pub fn of(texts: &[String]) -> Result<Self, NotANetwork> {
        texts.iter().map(|text| text.parse()).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn contain(&self, ip: IpAddr) -> bool {
        // An IPv4 address in IPv6's clothes is what it is.
        let ip = ip.to_canonical();
        self.0.iter().any(|network| {
            let (bits, is_v4) = bits(ip);
            let shift = 128 - network.prefix;
            is_v4 == network.is_v4 && (shift == 128 || bits >> shift == network.bits >> shift)
        })
    }
}

/// The address's bits, at the top of the word.
fn bits(ip: IpAddr) -> (u128, bool) {
    match ip {
        IpAddr::V4(ip) => (u128::from(u32::from(ip)) << 96, true),
        IpAddr::V6(ip) => (ip.into(), false),
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let bad = || NotANetwork(text.to_owned());
        let (ip, prefix) = text.split_once('/').ok_or_else(bad)?;
        let ip: IpAddr = ip.parse().map_err(|_| bad())?;
        let prefix: u32 = prefix.parse().map_err(|_| bad())?;
        let (bits, is_v4) = bits(ip);
        if prefix > if is_v4 { 32 } else { 128 } {
            return Err(bad());
        }
        Ok(Self { bits, prefix, is_v4 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_and_are_not_accepted() {
        for (text, shown) in [
            ("rtsp://10.0.0.7/live", "rtsp://10.0.0.7:554/live"),
            ("rtsp://camera-1.lan:8554/a?b=c", "rtsp://camera-1.lan:8554/a?b=c"),
            ("rtsp://[fd00::1]:8554/a", "rtsp://[fd00::1]:8554/a"),
            ("rtsp://10.0.0.7", "rtsp://10.0.0.7:554/"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), shown);
        }
        for (text, error) in [
            ("http://10.0.0.7/", AddressError::Scheme("rtsp://".into())),
            ("file:///etc/passwd", AddressError::Scheme("rtsp://".into())),
            ("rtsp://admin:secret@10.0.0.7/", AddressError::Login),
            ("rtsp://10.0.0.7/a b", AddressError::Form),
            ("rtsp://10.0.0.7/\r\nX: y", AddressError::Form),
        ] {
            assert_eq!(text.parse::<Address>().unwrap_err(), error, "{text}");
        }
        let asked = Address::of("https://recorder.lan/hall/1", ASKED).unwrap();
        assert_eq!((asked.base().as_str(), asked.path()), ("https://recorder.lan:443", "/hall/1"));
        assert!(matches!(Address::of("rtsp://10.0.0.7/a", ASKED), Err(AddressError::Scheme(_))));
        for text in ["rtsp:///a", "rtsp://:554/", "rtsp://a:99999/", "rtsp://[::1/", "rtsp://[::1]x/", "rtsp://a_b/"] {
            assert!(matches!(text.parse::<Address>(), Err(AddressError::Host(_))), "{text}");
        }
    }

    #[test]
    fn only_listed_networks() {
        let networks = Networks::of(&["10.0.0.0/8".into(), "192.168.7.0/24".into(), "fd00::/8".into()]).unwrap();
        for (ip, allowed) in [
            ("10.255.0.1", true),
            ("11.0.0.1", false),
            ("192.168.7.9", true),
            ("192.168.8.9", false),
            ("127.0.0.1", false),
            ("169.254.169.254", false),
            ("::1", false),
            ("fd12::1", true),
            ("::ffff:10.0.0.1", true),
            ("::ffff:127.0.0.1", false),
        ] {
            assert_eq!(networks.contain(ip.parse().unwrap()), allowed, "{ip}");
        }
        let all = Networks::of(&["0.0.0.0/0".into()]).unwrap();
        assert!(all.contain("8.8.8.8".parse().unwrap()) && !all.contain("::1".parse().unwrap()));
        for text in ["10.0.0.0", "10.0.0.0/33", "a/8", "::/129"] {
            assert!(Networks::of(&[text.into()]).is_err(), "{text}");
        }
        let local: Address = "rtsp://127.0.0.1:8554/a".parse().unwrap();
        assert_eq!(local.check(&networks), Err(AddressError::Network("127.0.0.1".into())));
        assert!(matches!(local.resolve(&networks), Err(AddressError::Network(_))));
    }
}
