#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "crypto/bignum.h"
#include "samhain/bytes.h"
#include "samhain/result.h"
#include "srp/exchange.h"
#include "srp/group.h"

/// The mathematics of SRP-6a (RFC 5054 section 2), each step alone so that the tests can check it
/// against vectors with given x, a and b.  For this folder and its tests only.
namespace samhain::srp {

using crypto::BigNumber;

/// H of the parts, one after the other, as a number.
BigNumber hash_number(const Group& group, std::span<const ByteView> parts);

/// x = H(salt | H("samhain:" | password)), with SHA-256; the password's case is ignored.
BigNumber password_exponent(std::string_view password, const Salt& salt);

/// 256 random bits, for a and b.
BigNumber random_exponent();

/// g^exponent mod N, in constant time: the verifier v, and A.
BigNumber power_of_generator(const Group& group, const BIGNUM& exponent);

/// B = k v + g^b mod N.
BigNumber server_public(const Group& group, const BIGNUM& v, const BIGNUM& b);

/// Errors: Refused (`number` mod N = 0): such an A or B would make the secret known to all.
Result<void> check_public(const Group& group, const BIGNUM& number);

/// u = H(PAD(A) | PAD(B)).  Errors: Refused (u = 0).
Result<BigNumber> scrambler(const Group& group, const BIGNUM& a_public, const BIGNUM& b_public);

/// S = (B - k g^x)^(a + u x) mod N.
BigNumber client_secret(const Group& group, const BIGNUM& b_public, const BIGNUM& x,
                        const BIGNUM& a, const BIGNUM& u);

/// S = (A v^u)^b mod N.
BigNumber server_secret(const Group& group, const BIGNUM& a_public, const BIGNUM& v,
                        const BIGNUM& u, const BIGNUM& b);

/// K = H(PAD(S)), in the group of 3072 bits.
SessionKey agreed_key(const BIGNUM& secret);

/// What both ends have seen of one exchange in the group of 3072 bits; borrows all of it.
struct Exchange {
  const Speaker& speaker;
  const Salt& salt;
  const Number& a_public;
  const Number& b_public;
  const ChannelBinding& binding;
};

/// M1 = H(H(N) xor H(g) | H(name | instance_id | spool_id) | salt | A | B | K | cb).
Proof client_proof(const Exchange& seen, const SessionKey& key);

/// M2 = H(A | M1 | K | cb).
Proof server_proof(const Exchange& seen, const Proof& m1, const SessionKey& key);

}  // namespace samhain::srp
