//! RFC 3161 timestamps as texts: what an authority is asked, and what its token says. The authority's certificate is known
//! beforehand, so there is no chain to follow and nobody else to believe.

use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use der::asn1::{Int, ObjectIdentifier, OctetString};
use der::{Any, Decode as _, Encode as _};
use ring::digest::{self, digest};
use ring::signature::{self as rings, UnparsedPublicKey};
pub use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::spki::AlgorithmIdentifier;
use x509_tsp::{MessageImprint, TimeStampReq, TimeStampResp, TspVersion, TstInfo};

use crate::base::{Hash, Micros};

const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
/// RFC 3161 §2.4.2: what a token holds.
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
/// RFC 5652 §5.1, §11.1, §11.2.
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// Why a token says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the timestamp authority's certificate cannot be read: expected one X.509 certificate in PEM")]
    Certificate,
    #[error("the timestamp authority refuses: status {0}")]
    Refused(String),
    #[error("not a timestamp token: {0}")]
    Malformed(String),
    #[error("the timestamp is not one of what was asked for: {0}")]
    Other(&'static str),
    #[error("the timestamp is not one of the configured authority: it names another certificate")]
    Stranger,
    #[error("the timestamp does not bear the signature of the configured authority")]
    BadSignature,
}

impl From<der::Error> for TokenError {
    fn from(error: der::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// The certificates of a file in PEM, one or several.
pub fn certificates_of(pem: &[u8]) -> Result<Vec<Certificate>, TokenError> {
    let found = Certificate::load_pem_chain(pem).map_err(|_| TokenError::Certificate)?;
    if found.is_empty() { Err(TokenError::Certificate) } else { Ok(found) }
}

/// The token (`TimeStampToken` in DER) in an authority's answer to a question about `text` with `nonce`, and its time.
pub fn answered(
    response: &[u8],
    text: &[u8],
    nonce: [u8; 8],
    certificate: &Certificate,
) -> Result<(Vec<u8>, Micros), TokenError> {
    let response = TimeStampResp::from_der(response)?;
    let Some(token) = response.time_stamp_token else {
        return Err(TokenError::Refused(format!("{:?}", response.status.status)));
    };
    let token = token.to_der()?;
    let (at, answered) = examine(&token, text, certificate)?;
    if answered.is_none_or(|answered| unsigned(&answered) != unsigned(&nonce)) {
        return Err(TokenError::Other("another nonce"));
    }
    Ok((token, at))
}

/// When the authority with this certificate was shown `text`, by a token in DER.
pub fn time_of(token: &[u8], text: &[u8], certificate: &Certificate) -> Result<Micros, TokenError> {
    Ok(examine(token, text, certificate)?.0)
}

/// RFC 3161 §2.4.1, with the certificate asked for, so that the token can be checked with other tools too.
pub fn request(text: &[u8], nonce: [u8; 8]) -> Result<Vec<u8>, TokenError> {
    // A DER integer is signed: a leading zero keeps the nonce positive, and no two leading zeros are allowed.
    let positive = [&[0][..], unsigned(&nonce)].concat();
    let nonce = if positive.get(1).is_some_and(|first| *first < 0x80) { unsigned(&nonce) } else { &positive };
    let imprint = MessageImprint {
        hash_algorithm: AlgorithmIdentifier { oid: SHA_256, parameters: Some(Any::null()) },
        hashed_message: OctetString::new(Hash::of(text).0.to_vec())?,
    };
    let request = TimeStampReq {
        version: TspVersion::V1,
        message_imprint: imprint,
        req_policy: None,
        nonce: Some(Int::new(nonce)?),
        cert_req: true,
        extensions: None,
    };
    Ok(request.to_der()?)
}

/// Without leading zeros.
fn unsigned(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len().saturating_sub(1));
    bytes.get(start..).unwrap_or_default()
}

/// The time in a token over `text` that `certificate` signed, and the nonce.
fn examine(token: &[u8], text: &[u8], certificate: &Certificate) -> Result<(Micros, Option<Vec<u8>>), TokenError> {
    let content = ContentInfo::from_der(token)?;
    if content.content_type != SIGNED_DATA {
        return Err(TokenError::Other("not signed data"));
    }
    let signed: SignedData = content.content.decode_as()?;
    let encapsulated = signed.encap_content_info.econtent.as_ref().map(Any::value).unwrap_or_default();
    if signed.encap_content_info.econtent_type != TST_INFO {
        return Err(TokenError::Other("no timestamp inside"));
    }
    let said = TstInfo::from_der(encapsulated)?;
    let imprint = &said.message_imprint;
    if imprint.hash_algorithm.oid != SHA_256 || imprint.hashed_message.as_bytes() != Hash::of(text).0 {
        return Err(TokenError::Other("a timestamp of something else"));
    }
    if !signed.signer_infos.0.iter().any(|signer| is_named(certificate, &signer.sid)) {
        return Err(TokenError::Stranger);
    }
    let holds = |signer: &SignerInfo| is_signed(signer, encapsulated, certificate).unwrap_or(false);
    if !signed.signer_infos.0.iter().any(holds) {
        return Err(TokenError::BadSignature);
    }
    let micros = i64::try_from(said.gen_time.to_unix_duration().as_micros()).ok().and_then(Micros::new);
    let at = micros.ok_or(TokenError::Other("an impossible time"))?;
    let validity = &certificate.tbs_certificate.validity;
    let (from, until) = (validity.not_before.to_unix_duration(), validity.not_after.to_unix_duration());
    if !(from..=until).contains(&said.gen_time.to_unix_duration()) {
        return Err(TokenError::Other("a time at which the certificate was not valid"));
    }
    Ok((at, said.nonce.map(|nonce| nonce.as_bytes().to_vec())))
}

/// Whether a signer says that it signed with this certificate (RFC 5652 §5.3).
fn is_named(certificate: &Certificate, signer: &SignerIdentifier) -> bool {
    let certificate = &certificate.tbs_certificate;
    match signer {
        SignerIdentifier::IssuerAndSerialNumber(name) => {
            name.issuer == certificate.issuer && name.serial_number == certificate.serial_number
        }
        SignerIdentifier::SubjectKeyIdentifier(id) => {
            certificate.get::<SubjectKeyIdentifier>().is_ok_and(|found| found.is_some_and(|(_, own)| own == *id))
        }
    }
}

/// RFC 5652 §5.4 and §5.6: the attributes name the content by its digest, and the signature is over the attributes.
fn is_signed(signer: &SignerInfo, content: &[u8], certificate: &Certificate) -> Option<bool> {
    let algorithm = match signer.digest_alg.oid {
        SHA_256 => &digest::SHA256,
        SHA_384 => &digest::SHA384,
        SHA_512 => &digest::SHA512,
        _ => return None,
    };
    let attributes = signer.signed_attrs.as_ref()?;
    let value = |oid: ObjectIdentifier| attributes.iter().find(|attribute| attribute.oid == oid)?.values.get(0);
    let named: OctetString = value(MESSAGE_DIGEST)?.decode_as().ok()?;
    let kind: ObjectIdentifier = value(CONTENT_TYPE)?.decode_as().ok()?;
    if named.as_bytes() != digest(algorithm, content).as_ref() || kind != TST_INFO {
        return Some(false);
    }
    let public = &certificate.tbs_certificate.subject_public_key_info;
    let curve = public.algorithm.parameters.as_ref().and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
    let rule: &'static dyn rings::VerificationAlgorithm = match (public.algorithm.oid, signer.digest_alg.oid, curve) {
        (RSA, SHA_256, _) => &rings::RSA_PKCS1_2048_8192_SHA256,
        (RSA, SHA_384, _) => &rings::RSA_PKCS1_2048_8192_SHA384,
        (RSA, SHA_512, _) => &rings::RSA_PKCS1_2048_8192_SHA512,
        (EC, SHA_256, Some(P256)) => &rings::ECDSA_P256_SHA256_ASN1,
        (EC, SHA_384, Some(P256)) => &rings::ECDSA_P256_SHA384_ASN1,
        (EC, SHA_256, Some(P384)) => &rings::ECDSA_P384_SHA256_ASN1,
        (EC, SHA_384, Some(P384)) => &rings::ECDSA_P384_SHA384_ASN1,
        _ => return None,
    };
    let key = UnparsedPublicKey::new(rule, public.subject_public_key.as_bytes()?);
    Some(key.verify(&attributes.to_der().ok()?, signer.signature.as_bytes()).is_ok())
}
