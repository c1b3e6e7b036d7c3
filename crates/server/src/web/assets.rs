//! Files that pages show beside their text. Each has a part of its hash in its name, so that a browser keeps it for good.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use sha2::{Digest, Sha256};

const FOR_GOOD: &str = "public, max-age=31536000, immutable";

/// A file.
struct Asset {
    path: String,
    content_type: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(name: &str, extension: &str, content_type: &'static str, content: &'static str) -> Self {
        let hash = Sha256::digest(content.as_bytes());
        let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { path: format!("/assets/{name}-{hash}.{extension}"), content_type, content }
    }
}

static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("style", "css", "text/css; charset=utf-8", include_str!("../../assets/style.css")));
static PASSKEYS: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("passkeys", "js", "text/javascript; charset=utf-8", include_str!("../../assets/passkeys.js"))
});
static LOGO: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("logo", "svg", "image/svg+xml", include_str!("../../assets/logo.svg")));

/// Where the files are, for the frame of a page.
#[derive(Clone, Copy)]
pub(super) struct Assets {
    pub(super) style: &'static str,
    pub(super) logo: &'static str,
    /// The one script, for pages that ask for a passkey.
    pub(super) passkeys: &'static str,
}

impl Assets {
    pub(super) fn get() -> Self {
        Self { style: &STYLE.path, logo: &LOGO.path, passkeys: &PASSKEYS.path }
    }
}

/// `GET /assets/{file}`
pub(super) async fn show(Path(file): Path<String>) -> Response {
    let all: [&Asset; 3] = [&STYLE, &LOGO, &PASSKEYS];
    match all.into_iter().find(|asset| asset.path.strip_prefix("/assets/") == Some(&file)) {
        Some(asset) => {
            let headers = [(header::CONTENT_TYPE, asset.content_type), (header::CACHE_CONTROL, FOR_GOOD)];
            (headers, asset.content).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
