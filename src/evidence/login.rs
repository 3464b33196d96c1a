//! How the recorder proves itself to a camera: Basic (RFC 7617) or Digest (RFC 2617, RFC 7616), as the camera asks.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::Md5;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// User and password of a camera. Shown by nothing.
#[derive(Clone)]
pub struct Login {
    pub user: String,
    pub password: Zeroizing<String>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login(…)")
    }
}

/// What a camera asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    Basic,
    Digest { realm: String, nonce: String, opaque: Option<String>, with_qop: bool, algorithm: Algorithm },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Md5,
    Sha256,
}

impl Challenge {
    /// The strongest that we know of those that the values of `WWW-Authenticate` offer.
    pub fn strongest<'a>(offers: impl Iterator<Item = &'a str>) -> Option<Self> {
        offers.filter_map(Self::read).max_by_key(|challenge| match challenge {
            Self::Basic => 0,
            Self::Digest { algorithm: Algorithm::Md5, .. } => 1,
            Self::Digest { algorithm: Algorithm::Sha256, .. } => 2,
        })
    }

    fn read(offer: &str) -> Option<Self> {
        let (scheme, rest) = offer.trim().split_once(' ').unwrap_or((offer.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let fields = fields(rest);
        let field = |name: &str| fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v.clone());
        let algorithm = match field("algorithm").as_deref() {
            None => Algorithm::Md5,
            Some(name) if name.eq_ignore_ascii_case("md5") => Algorithm::Md5,
            Some(name) if name.eq_ignore_ascii_case("sha-256") => Algorithm::Sha256,
            Some(_) => return None,
        };
        let with_qop = field("qop").is_some_and(|qop| qop.split(',').any(|q| q.trim().eq_ignore_ascii_case("auth")));
        Some(Self::Digest {
            realm: field("realm")?,
            nonce: field("nonce")?,
            opaque: field("opaque"),
            with_qop,
            algorithm,
        })
    }

    /// The value of `Authorization` for one request; `count` counts them under this challenge, from 1.
    pub fn answer(&self, login: &Login, method: &str, uri: &str, count: u32, own_nonce: &str) -> String {
        let Login { user, password } = login;
        let Self::Digest { realm, nonce, opaque, with_qop, algorithm } = self else {
            let pair = Zeroizing::new(format!("{user}:{}", password.as_str()));
            return format!("Basic {}", STANDARD.encode(pair.as_bytes()));
        };
        let hash = |text: &str| match algorithm {
            Algorithm::Md5 => hex(&Md5::digest(text.as_bytes())),
            Algorithm::Sha256 => hex(&Sha256::digest(text.as_bytes())),
        };
        let who = hash(&Zeroizing::new(format!("{user}:{realm}:{}", password.as_str())));
        let what = hash(&format!("{method}:{uri}"));
        let response = if *with_qop {
            hash(&format!("{who}:{nonce}:{count:08x}:{own_nonce}:auth:{what}"))
        } else {
            hash(&format!("{who}:{nonce}:{what}"))
        };
        let mut answer = format!(
            "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\""
        );
        if *algorithm == Algorithm::Sha256 {
            answer.push_str(", algorithm=SHA-256");
        }
        if let Some(opaque) = opaque {
            let _ = write!(answer, ", opaque=\"{opaque}\"");
        }
        if *with_qop {
            let _ = write!(answer, ", qop=auth, nc={count:08x}, cnonce=\"{own_nonce}\"");
        }
        answer
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `a="b, c", d=e` as pairs.
fn fields(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some((name, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.find(',').map_or((after, ""), |at| after.split_at(at)),
        };
        found.push((name.trim().to_owned(), value.trim().to_owned()));
        rest = after.trim_start_matches([',', ' ']);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(user: &str, password: &str) -> Login {
        Login { user: user.into(), password: Zeroizing::new(password.into()) }
    }

    /// RFC 2617 §3.5 and RFC 7616 §3.9.1.
    #[test]
    fn the_examples_of_the_specifications() {
        let offer = "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", \
                     nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
        let challenge = Challenge::strongest([offer, "Basic realm=\"x\""].into_iter()).unwrap();
        let answer = challenge.answer(&login("Mufasa", "Circle Of Life"), "GET", "/dir/index.html", 1, "0a4f113b");
        assert!(answer.contains("response=\"6629fae49393a05397450978507c4ef1\""), "{answer}");
        assert!(answer.contains("nc=00000001") && answer.contains("opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""));

        let offer = "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=SHA-256, \
                     nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                     opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
        let challenge = Challenge::strongest([offer].into_iter()).unwrap();
        let own = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let answer = challenge.answer(&login("Mufasa", "Circle of Life"), "GET", "/dir/index.html", 1, own);
        let response = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1";
        assert!(answer.contains(&format!("response=\"{response}\"")), "{answer}");
    }

    #[test]
    fn cameras_that_know_less() {
        let without_qop = Challenge::strongest(["digest realm=\"c\",nonce=\"1\""].into_iter()).unwrap();
        let answer = without_qop.answer(&login("a", "b"), "DESCRIBE", "rtsp://c/", 1, "x");
        assert!(!answer.contains("cnonce") && answer.starts_with("Digest username=\"a\""));
        let basic = Challenge::strongest(["Basic realm=\"c\""].into_iter()).unwrap();
        assert_eq!(basic.answer(&login("a", "b"), "DESCRIBE", "rtsp://c/", 1, "x"), "Basic YTpi");
        assert_eq!(
            Challenge::strongest(["Negotiate", "Digest realm=\"c\", nonce=\"1\", algorithm=X"].into_iter()),
            None
        );
        assert_eq!(format!("{:?}", login("a", "hush")), "Login(…)");
    }
}
