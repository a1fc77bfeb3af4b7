#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

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

}  // namespace samhain::wire
