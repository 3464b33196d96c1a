//! RFC 3161, with `openssl ts` as the authority and as a second opinion.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpResponse, HttpServer};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use mingjian::base::{Hash, Micros, Span};
use mingjian::cli::timestamps::Stamping;
use mingjian::identity::SystemEntropy;
use mingjian::ledger::record::{TIMESTAMPED, Timestamped};
use mingjian::ledger::token::{TokenError, certificates_of, time_of};
use mingjian::ledger::{Checkpoint, Payload};
use mingjian::sequencer::{Clock as _, SystemClock};
use mingjian::witness::timestamp::{Authority, NoTimestamp};
use serde_json::Value;
use tempfile::TempDir;

use crate::cosigned::{Platform, write};
use crate::log::ORIGIN;

const CONFIG: &str = "[ tsa ]\ndefault_tsa = t\n[ t ]\nserial = ./serial\nsigner_digest = sha256\ndefault_policy = 1.2.3.4.1\n\
                      digests = sha256\naccuracy = secs:1\nordering = no\ntsa_name = no\ness_cert_id_chain = no\n\
                      ess_cert_id_alg = sha256\n";

fn openssl(dir: &Path, arguments: &str) -> (bool, String) {
    let output = Command::new("openssl").args(arguments.split_whitespace()).current_dir(dir).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// A local authority; `old`: it answers everybody with its first answer.
struct Tsa {
    dir: TempDir,
    address: SocketAddr,
}

struct Desk {
    dir: PathBuf,
    old: bool,
}

impl Tsa {
    fn start(key: &str, old: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("tsa.cnf"), CONFIG).unwrap();
        std::fs::write(dir.path().join("serial"), "01\n").unwrap();
        let (made, said) = openssl(
            dir.path(),
            &format!(
                "req -x509 -newkey {key} -nodes -keyout tsa.key -out tsa.pem -days 2 -subj /CN=authority \
                 -addext extendedKeyUsage=critical,timeStamping -addext keyUsage=critical,digitalSignature"
            ),
        );
        assert!(made, "{said}");
        let desk = Data::new(Desk { dir: dir.path().to_owned(), old });
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server =
                    HttpServer::new(move || App::new().app_data(desk.clone()).route("/tsa", web::post().to(reply)))
                        .workers(1)
                        .disable_signals()
                        .bind("127.0.0.1:0")
                        .unwrap();
                tell.send(server.addrs()[0]).unwrap();
                server.run().await.unwrap();
            });
        });
        Self { address: told.recv().unwrap(), dir }
    }

    fn certificate(&self) -> Vec<u8> {
        std::fs::read(self.dir.path().join("tsa.pem")).unwrap()
    }

    fn authority(&self) -> Authority {
        Authority::new(&format!("http://{}/tsa", self.address), &self.certificate()).unwrap()
    }
}

async fn reply(desk: Data<Desk>, query: Bytes) -> HttpResponse {
    let answer = desk.dir.join("answer");
    if !desk.old || !answer.exists() {
        std::fs::write(desk.dir.join("query"), &query).unwrap();
        let (done, said) =
            openssl(&desk.dir, "ts -reply -config tsa.cnf -queryfile query -signer tsa.pem -inkey tsa.key -out answer");
        assert!(done, "{said}");
    }
    HttpResponse::Ok().content_type("application/timestamp-reply").body(std::fs::read(answer).unwrap())
}

const RSA: &str = "rsa:2048";
const P256: &str = "ec -pkeyopt ec_paramgen_curve:prime256v1";

#[test]
fn a_checkpoint_is_stamped_kept_and_logged() {
    let (tsa, platform) = (Tsa::start(RSA, false), Platform::new());
    let running = platform.open(None, Span::secs(1));
    write(&running);
    let sequencer = running.desk.sequencer.clone();
    let dir = platform.dir.path().join("data/timestamps");
    std::fs::create_dir_all(&dir).unwrap();
    let stamping = Stamping { authority: tsa.authority(), every: Duration::from_hours(1), dir: dir.clone() };
    let before = SystemClock.now();
    let size = stamping.stamp(&sequencer, &SystemEntropy::new()).unwrap();

    // Logged: the entry after the checkpoint, with the very token.
    let reader = Arc::clone(&running.desk.reader);
    let payload = |seq| Payload::parse(&reader.entries(seq, 1).unwrap()[0].payload.clone().unwrap()).unwrap();
    let said = payload(size);
    assert_eq!(said.kind, TIMESTAMPED);
    let said: Timestamped = serde_json::from_value(said.data).unwrap();
    let token = std::fs::read(dir.join(format!("{size}.tst"))).unwrap();
    let text = std::fs::read_to_string(dir.join(format!("{size}.txt"))).unwrap();
    {
        assert_eq!((said.size, STANDARD.decode(&said.token).unwrap()), (size, token.clone()));
    }
    let head: Checkpoint = text.parse().unwrap();
    assert_eq!((head.size, head.root), (size, said.root));
    let at = verify(&token, text.as_bytes(), &tsa.certificate()).unwrap();
    assert_eq!(at, said.time);
    // `openssl ts` rounds to the second.
    assert!(before.since(at) <= Span::secs(2) && at.since(before) <= Span::minutes(1), "{at} after {before}");

    // Beside the checkpoint, for other tools.
    let check = format!(
        "ts -verify -in {size}.tst -token_in -data {size}.txt -CAfile {}",
        tsa.dir.path().join("tsa.pem").display()
    );
    let (holds, said) = openssl(&dir, &check);
    assert!(holds && said.contains("Verification: OK"), "{said}");
    drop((reader, sequencer));
    platform.close(running);
    assert_eq!(platform.verify(None).first_failure, None);
    // The command checks the entry and the file beside the ledger, and says what it cannot check.
    let data = platform.dir.path().join("data");
    let certificate = |tsa: &Tsa| tsa.dir.path().join("tsa.pem").to_str().unwrap().to_owned();
    let found = |certificates: &[String]| verified(&data, certificates);
    let (code, check, _) = found(&[certificate(&tsa)]);
    assert_eq!((code, check["state"].as_str(), check["count"].as_u64()), (Some(0), Some("held"), Some(2)), "{check}");
    let (code, check, _) = found(&[]);
    assert_eq!((code, check["state"].as_str()), (Some(0), Some("not_made")), "{check}");
    assert!(check["why_not"]["en"].as_str().unwrap().contains("no certificate is at hand"), "{check}");
    let (code, check, _) = found(&[certificate(&Tsa::start(P256, false))]);
    assert_eq!((code, check["state"].as_str()), (Some(0), Some("not_made")), "{check}");
    assert!(check["why_not"]["zh"].as_str().unwrap().contains("其他授时机构"), "{check}");
    // A token of another text, a text of another tree, and one of a tree that is larger than the ledger is now.
    let [file, other] = [format!("{size}.txt"), "9999.txt".to_owned()].map(|name| dir.join(name));
    for (wrong, rule) in [
        (text.replace(&head.root.to_base64(), &Hash::of(b"another tree").to_base64()), "timestamp_root"),
        (text.replace(ORIGIN, "ledger.other.example/t"), "timestamp_root"),
        (String::new(), "timestamp_file"),
    ] {
        std::fs::write(&file, wrong).unwrap();
        let (code, _, failure) = found(&[certificate(&tsa)]);
        assert_eq!((code, failure["rule"].as_str()), (Some(1), Some(rule)), "{failure}");
    }
    std::fs::write(&file, &text).unwrap();
    std::fs::write(&other, text.replace(&format!("\n{size}\n"), "\n9999\n")).unwrap();
    std::fs::write(other.with_extension("tst"), &token).unwrap();
    let (code, _, failure) = found(&[certificate(&tsa)]);
    assert_eq!((code, failure["rule"].as_str()), (Some(1), Some("timestamp_size")), "{failure}");
    std::fs::remove_file(other.with_extension("tst")).unwrap();
    std::fs::write(dir.join(format!("{size}.tst")), &token[1..]).unwrap();
    let (code, _, failure) = found(&[certificate(&tsa)]);
    assert_eq!((code, failure["rule"].as_str()), (Some(1), Some("timestamp_token")), "{failure}");
}

/// `mingjian verify DIR`: its exit code, what it says of timestamps, and the first failure.
fn verified(data: &Path, certificates: &[String]) -> (Option<i32>, Value, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mingjian"));
    command.args(["--json", "verify"]).arg(data);
    for certificate in certificates {
        command.args(["--tsa-certificate", certificate]);
    }
    let output = command.output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let checks = report["checked"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "timestamps").unwrap().clone();
    (output.status.code(), check, report["first_failure"].clone())
}

/// By the certificate in PEM.
fn verify(token: &[u8], text: &[u8], certificate: &[u8]) -> Result<Micros, TokenError> {
    time_of(token, text, &certificates_of(certificate)?[0])
}

#[test]
fn a_token_stands_for_one_text_and_one_authority() {
    let (tsa, other) = (Tsa::start(P256, false), Tsa::start(RSA, false));
    let text = b"ledger.example/t\n3\nAAAA\n";
    let stamp = tsa.authority().stamp(text, [0, 0, 0x80, 1, 2, 3, 4, 5]).unwrap();
    assert_eq!(verify(&stamp.token, text, &tsa.certificate()), Ok(stamp.at));
    assert_eq!(tsa.authority().stamp(text, [0; 8]).map(|_| ()), Ok(()), "a nonce of nothing but zeros");
    assert_eq!(
        verify(&stamp.token, b"ledger.example/t\n4\nAAAA\n", &tsa.certificate()),
        Err(TokenError::Other("a timestamp of something else"))
    );
    assert_eq!(verify(&stamp.token, text, &other.certificate()), Err(TokenError::Stranger));
    assert!(verify(b"", text, &tsa.certificate()).is_err());
    assert_eq!(verify(&stamp.token, text, b"no certificate"), Err(TokenError::Certificate));
    // No bit of the content, the attributes or the signature is free; the certificates beside them prove nothing.
    let signed = |token: &[u8]| verify(token, text, &tsa.certificate()).is_ok_and(|at| at == stamp.at);
    let free = (0..stamp.token.len()).filter(|at| {
        let mut changed = stamp.token.clone();
        changed[*at] ^= 1;
        signed(&changed)
    });
    let certificate_bytes = {
        let pem = String::from_utf8(tsa.certificate()).unwrap();
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        STANDARD.decode(body).unwrap()
    };
    let place = stamp.token.windows(certificate_bytes.len()).position(|window| window == certificate_bytes).unwrap();
    let tail = stamp.token.len() - place - certificate_bytes.len();
    let elsewhere = free.filter(|at| *at < place || *at >= place + certificate_bytes.len()).count();
    // What names the signer beside the certificate (issuer, serial, versions, algorithm names) is not signed either.
    assert!(elsewhere < tail / 2, "{elsewhere} of {tail} bytes");
}

#[test]
fn an_old_answer_is_not_taken_for_a_new_one() {
    let tsa = Tsa::start(P256, true);
    let text = b"ledger.example/t\n3\nAAAA\n";
    assert!(tsa.authority().stamp(text, [1; 8]).is_ok());
    assert_eq!(tsa.authority().stamp(text, [2; 8]), Err(TokenError::Other("another nonce").into()));
    let silent = Authority::new("http://127.0.0.1:1/tsa", &tsa.certificate()).unwrap();
    assert!(matches!(silent.stamp(text, [1; 8]), Err(NoTimestamp::Silent(_))));
}
