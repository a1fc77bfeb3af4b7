#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <string_view>
#include <vector>

#include "samhain/handle.h"
#include "samhain/result.h"

namespace samhain::wire {

/// A key pair and the certificate that it signs for itself.
struct Identity {
  Handle<EVP_PKEY, EVP_PKEY_free> key;
  Handle<X509, X509_free> certificate;
};

/// Makes both in memory: P-256, random serial number, valid for ten years from yesterday.
/// Errors: Refused (OpenSSL says why).
Result<Identity> make_identity();

using Certificate = Handle<X509, X509_free>;

/// All certificates in a text in PEM, in their order: one or more.
/// Errors: Malformed (none, or one is damaged).
Result<std::vector<Certificate>> read_certificates(std::string_view pem);

/// The private key in a text in PEM; one under a passphrase is refused.  Errors: Malformed.
Result<Handle<EVP_PKEY, EVP_PKEY_free>> read_private_key(std::string_view pem);

}  // namespace samhain::wire
