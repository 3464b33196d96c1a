//! The web interface, embedded in the binary when it was built; otherwise a page that says how to build it.

use actix_web::http::Method;
use actix_web::http::header::{self, ContentType};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use rust_embed::RustEmbed;

use super::problem::Problem;
use crate::base::Code;

#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Files;

/// Hashed names never change; the page that names them always may.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Its script and style stand in the page itself, which the policy of this server's pages forbids: it is for saving.
const VERIFIER: &str = "verify.html";
const NOT_BUILT: &str = include_str!("not_built.html");

/// The offline verifier, one self-contained page, if it was there when this was built.
pub fn verifier() -> Option<Vec<u8>> {
    Files::get(VERIFIER).map(|file| file.data.into_owned())
}

/// All our texts are UTF-8; without saying so a browser may guess (ASVS 4.1.1).
fn with_charset(kind: &str) -> String {
    if kind.starts_with("text/") || kind == "image/svg+xml" {
        format!("{kind}; charset=utf-8")
    } else {
        kind.to_owned()
    }
}

/// A file of the interface; any other path is a page that the interface routes by itself.
pub async fn serve(request: HttpRequest) -> HttpResponse {
    // Not TRACE, which counts as safe and would tell what a proxy added (ASVS 13.4.4).
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Problem::from(Code::MethodNotAllowed).error_response();
    }
    let path = request.path().trim_start_matches('/');
    if let Some(file) = Files::get(path) {
        let caching = if path.starts_with("assets/") { FOR_EVER } else { "no-cache" };
        let mut answer = HttpResponse::Ok();
        answer.content_type(with_charset(file.metadata.mimetype())).insert_header((header::CACHE_CONTROL, caching));
        if path == VERIFIER {
            answer.insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"verify.html\""));
        }
        return answer.body(file.data.into_owned());
    }
    if path.rsplit('/').next().is_some_and(|name| name.contains('.')) {
        return Problem::new(Code::NotFound, request.path()).error_response();
    }
    let page = match Files::get("index.html") {
        Some(page) => page.data.into_owned(),
        None => NOT_BUILT.as_bytes().to_vec(),
    };
    HttpResponse::Ok().content_type(ContentType::html()).insert_header((header::CACHE_CONTROL, "no-cache")).body(page)
}
