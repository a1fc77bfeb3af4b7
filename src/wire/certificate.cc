#include "wire/certificate.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include "wire/tls_error.h"

namespace samhain::wire {
namespace {

constexpr long kDay = 86'400;
constexpr long kValidity = 3'650 * kDay;
constexpr int kSerialBits = 127;  // RFC 5280 4.1.2.2: positive, at most 20 bytes

bool set_serial(X509* certificate) {
  const Handle<BIGNUM, BN_free> serial{BN_new()};
  return serial != nullptr &&
         BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_names(X509* certificate) {
  X509_NAME* name = X509_get_subject_name(certificate);  // still the certificate's
  const auto* text = reinterpret_cast<const unsigned char*>("samhain");
  return name != nullptr &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, name) == 1;
}

/// From yesterday on: the other end's clock may be late.
bool set_times(X509* certificate) {
  return X509_gmtime_adj(X509_getm_notBefore(certificate), -kDay) != nullptr &&
         X509_gmtime_adj(X509_getm_notAfter(certificate), kValidity) != nullptr;
}

}  // namespace

Result<Identity> make_identity() {
  ERR_clear_error();
  Identity identity{Handle<EVP_PKEY, EVP_PKEY_free>{EVP_EC_gen("P-256")},
                    Handle<X509, X509_free>{X509_new()}};
  X509* certificate = identity.certificate.get();
  EVP_PKEY* key = identity.key.get();
  if (certificate == nullptr || key == nullptr ||
      X509_set_version(certificate, X509_VERSION_3) != 1 || !set_serial(certificate) ||
      !set_names(certificate) || !set_times(certificate) ||
      X509_set_pubkey(certificate, key) != 1 || X509_sign(certificate, key, EVP_sha256()) == 0) {
    return tls_error(Error::Kind::Refused, "making a certificate");
  }
  return identity;
}

}  // namespace samhain::wire
