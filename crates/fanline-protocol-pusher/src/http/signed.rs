//! The way in: a request whose signature was verified, with its whole body.
//!
//! What costs nothing is checked first, then the body is read to its end, within its limit, and only then
//! its digest and the signature.

use axum::extract::{FromRequest, RawPathParams, Request};
use bytes::Bytes;
use fanline_model::{ErrorCode, Timestamp};
use fanline_protocol::{Caller, Refusal};
use fanline_tenancy::{AppRef, Proof, SignatureOf};
use http::request::Parts;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use md5::{Digest as _, Md5};

use super::signature::{Parameters, Plus, candidates};
use super::{Api, Failure};
use crate::json::{clip, quoted};
use crate::limits::{BODY_BYTES, REQUEST_AGE_SECS};

/// A verified request.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) caller: Caller,
    /// The parameters, in the very reading that was signed.
    pub(super) parameters: Parameters,
    pub(super) body: Bytes,
    pub(super) traceparent: Option<Box<str>>,
}

/// What the SDKs add to every query.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "stands for the parameters in the OpenAPI document"
)]
pub(super) struct SignatureParameters {
    /// The Pusher key.
    auth_key: String,
    /// Unix time in seconds, within 600 of the server's.
    auth_timestamp: u64,
    /// Always 1.0.
    #[param(example = "1.0")]
    auth_version: String,
    /// HMAC-SHA-256 over method, path and parameters, in lower-case hex.
    auth_signature: String,
    /// MD5 of the body in hex; required if there is one.
    body_md5: Option<String>,
}

impl FromRequest<Api> for Signed {
    type Rejection = Failure;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let app = app_id(&mut parts, api).await?;
        let query = parts.uri.query().unwrap_or_default();
        let parameters = Parameters::parse(query, Plus::Space);
        let credential = Credential::of(&parameters, api.now())?;
        let body = match Limited::new(body, BODY_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return Err(unread(&*error)),
        };
        check_digest(&parameters, &body)?;

        let caller = match verify(api, &app, &credential, &parts, &parameters).await {
            Err(refusal) if refusal.code == ErrorCode::Unauthorized && query.contains('+') => {
                let literal = Parameters::parse(query, Plus::Literal);
                let caller = verify(api, &app, &credential, &parts, &literal).await;
                caller.map(|caller| (caller, literal)).map_err(|_| refusal)
            }
            other => other.map(|caller| (caller, parameters.clone())),
        };
        let (caller, parameters) =
            caller.map_err(|refusal| explain(&app, &credential, &parts, &parameters, refusal))?;
        let traceparent = parts
            .headers
            .get("traceparent")
            .and_then(|value| value.to_str().ok());
        Ok(Self {
            caller,
            parameters,
            body,
            traceparent: traceparent.map(Into::into),
        })
    }
}

/// What a query says of who signed.
struct Credential {
    key: String,
    signature: String,
}

// === impl Credential ===

impl Credential {
    /// Checks all that needs no secret, with the sentences of the hosted service.
    fn of(parameters: &Parameters, now: Timestamp) -> Result<Self, Failure> {
        let missing = |name| Failure::unauthorized(format!("Missing parameter: {name}"));
        let key = parameters
            .get("auth_key")
            .ok_or_else(|| missing("auth_key"))?;
        let signature = parameters
            .get("auth_signature")
            .ok_or_else(|| missing("auth_signature"))?;
        match parameters.get("auth_version") {
            Some("1.0") => {}
            Some(_) => {
                return Err(Failure::unauthorized(
                    "Version not supported: auth_version is 1.0",
                ));
            }
            None => {
                return Err(Failure::unauthorized(
                    "Version required: auth_version is 1.0",
                ));
            }
        }
        let stamp = parameters
            .get("auth_timestamp")
            .ok_or_else(|| Failure::unauthorized("Timestamp required"))?;
        let given: u64 = stamp.parse().map_err(|_| {
            Failure::unauthorized(
                "Timestamp required: auth_timestamp is the Unix time in whole seconds",
            )
        })?;
        if given.abs_diff(now.as_secs()) > REQUEST_AGE_SECS {
            let message = format!(
                "Timestamp expired: Given timestamp ({given}) not within {REQUEST_AGE_SECS}s of server time ({})",
                now.as_secs()
            );
            return Err(Failure::unauthorized(message));
        }
        Ok(Self {
            key: key.to_owned(),
            signature: signature.to_owned(),
        })
    }
}

async fn app_id(parts: &mut Parts, api: &Api) -> Result<String, Failure> {
    use axum::extract::FromRequestParts as _;
    let malformed = || Failure::bad_request("The path is not well formed");
    let path = RawPathParams::from_request_parts(parts, api)
        .await
        .map_err(|_| malformed())?;
    let app = path.iter().find(|(name, _)| *name == "app_id");
    app.map(|(_, value)| value.to_owned()).ok_or_else(malformed)
}

fn check_digest(parameters: &Parameters, body: &[u8]) -> Result<(), Failure> {
    let Some(given) = parameters.get("body_md5") else {
        let problem = "Missing parameter: body_md5, the MD5 of the body, must be sent and signed";
        return if body.is_empty() {
            Ok(())
        } else {
            Err(Failure::unauthorized(problem))
        };
    };
    let digest: String = Md5::digest(body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if given.eq_ignore_ascii_case(&digest) {
        return Ok(());
    }
    let message = format!(
        "Invalid body_md5: the body that arrived ({} bytes) has {digest}",
        body.len()
    );
    Err(Failure::unauthorized(message))
}

async fn verify(
    api: &Api,
    app: &str,
    credential: &Credential,
    parts: &Parts,
    parameters: &Parameters,
) -> Result<Caller, Refusal> {
    let signed = candidates(&parts.method, parts.uri.path(), parameters);
    let proof = Proof::Signature {
        of: SignatureOf::Request,
        key: credential.key.as_str().into(),
        signed: signed.into_iter().map(Bytes::from).collect(),
        signature: credential.signature.as_str().into(),
    };
    api.authenticate(&AppRef::PusherApp(app.into()), &proof)
        .await
}

/// Shows what should have been signed: it holds no secret, and people debug with it.
fn explain(
    app: &str,
    credential: &Credential,
    parts: &Parts,
    parameters: &Parameters,
    refusal: Refusal,
) -> Failure {
    match refusal.code {
        ErrorCode::Unauthorized => {
            let text = candidates(&parts.method, parts.uri.path(), parameters).swap_remove(0);
            Failure::unauthorized(format!(
                "Invalid signature: you should have sent HmacSHA256Hex({}, your_secret_key), but you sent {} ({})",
                quoted(&text),
                quoted(clip(&credential.signature)),
                refusal.detail,
            ))
        }
        ErrorCode::NotFound => {
            let message = format!("Unknown app: no app has the id {}", quoted(clip(app)));
            Failure::new(http::StatusCode::NOT_FOUND, message)
        }
        _ => refusal.into(),
    }
}

fn unread(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Failure {
    if error.is::<LengthLimitError>() {
        Failure::too_large(format!(
            "The body is larger than {BODY_BYTES} bytes; send fewer events at once"
        ))
    } else {
        Failure::bad_request("The body did not arrive whole")
    }
}
