#include "wire/certificate.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <utility>

#include "wire/tls_error.h"

namespace samhain::wire {
namespace {

/// Of certificates or a key in PEM: far more than anybody has.
constexpr std::size_t kMaxPem = 1U << 20;

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

Handle<BIO, BIO_free> open_text(std::string_view text) {
  return Handle<BIO, BIO_free>{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
}

/// A daemon cannot ask for a passphrase.
int no_passphrase(char*, int, int, void*) { return 0; }

}  // namespace

Result<std::vector<Certificate>> read_certificates(std::string_view pem) {
  ERR_clear_error();
  if (pem.size() > kMaxPem) return Error{Error::Kind::Malformed, "too long for certificates"};
  const auto text = open_text(pem);
  if (text == nullptr) return tls_error(Error::Kind::Malformed, "reading certificates");
  std::vector<Certificate> certificates;
  for (;;) {
    Certificate next{PEM_read_bio_X509(text.get(), nullptr, no_passphrase, nullptr)};
    if (next == nullptr) break;
    certificates.push_back(std::move(next));
  }
  // The end of the text is told as an error too.
  const bool is_at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!is_at_end) return Error{Error::Kind::Malformed, "a certificate in it is damaged"};
  if (certificates.empty()) return Error{Error::Kind::Malformed, "no certificate (PEM) in it"};
  return certificates;
}

Result<Handle<EVP_PKEY, EVP_PKEY_free>> read_private_key(std::string_view pem) {
  ERR_clear_error();
  if (pem.size() > kMaxPem) return Error{Error::Kind::Malformed, "too long for a private key"};
  const auto text = open_text(pem);
  if (text != nullptr) {
    Handle<EVP_PKEY, EVP_PKEY_free> key{
        PEM_read_bio_PrivateKey(text.get(), nullptr, no_passphrase, nullptr)};
    if (key != nullptr) return key;
  }
  ERR_clear_error();
  return Error{Error::Kind::Malformed, "no private key (PEM, without passphrase) in it"};
}

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
