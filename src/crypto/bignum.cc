#include "crypto/bignum.h"

#include "crypto/check.h"

namespace samhain::crypto {

BigNumber from_bytes(ByteView big_endian) {
  BigNumber number{BN_bin2bn(big_endian.data(), static_cast<int>(big_endian.size()), nullptr)};
  require(number != nullptr, "number");
  return number;
}

Bytes to_bytes(const BIGNUM& number, std::size_t size) {
  Bytes bytes(size);
  write_bytes(number, bytes);
  return bytes;
}

void write_bytes(const BIGNUM& number, std::span<std::uint8_t> output) {
  const int size = static_cast<int>(output.size());
  require(BN_bn2binpad(&number, output.data(), size) == size, "number too long");
}

}  // namespace samhain::crypto
