#include "baseline/trailer.h"

#include <algorithm>
#include <string_view>

#include "base/codec.h"
#include "baseline/baseline.h"

namespace samhain::baseline {
namespace {

constexpr std::string_view kMagic = "samhain-baseline";
constexpr std::string_view kPurpose = "samhain baseline";
constexpr std::size_t kVersionSize = 4 + 16;  // format and magic: what every version understands

static_assert(kMagic.size() == 16);

}  // namespace

std::array<std::uint8_t, kTrailerSize> encode(const Trailer& trailer) {
  base::Writer writer;
  writer.raw_bytes(trailer.signature).number(trailer.body_size).number(trailer.format);
  writer.raw_bytes(as_bytes(kMagic));
  std::array<std::uint8_t, kTrailerSize> bytes{};
  std::ranges::copy(writer.view(), bytes.begin());
  return bytes;
}

Result<Trailer> find_trailer(ByteView file) {
  if (file.size() < kVersionSize) return Error{Error::Kind::Malformed, "cut: no signature"};
  base::Reader version(file.last(kVersionSize));
  Trailer trailer;
  trailer.format = version.number<std::uint32_t>();
  if (as_text(version.raw_bytes(kMagic.size())) != kMagic) {
    return Error{Error::Kind::Malformed, "cut, or no baseline: no signature at its end"};
  }
  if (trailer.format > kFormat) {
    return Error{Error::Kind::Version, "written by a newer version of this program"};
  }
  if (trailer.format == 0 || file.size() < kTrailerSize) {
    return Error{Error::Kind::Malformed, "broken signature"};
  }

  base::Reader reader(file.last(kTrailerSize));
  trailer.signature = reader.array<std::tuple_size_v<crypto::Signature>>();
  trailer.body_size = reader.number<std::uint64_t>();
  if (trailer.body_size != file.size() - kTrailerSize) {
    return Error{Error::Kind::Malformed, "cut or lengthened: not the size that was signed"};
  }
  return trailer;
}

Bytes signed_message(std::uint32_t format, std::uint64_t body_size, const Digest& body) {
  base::Writer writer;
  writer.raw_bytes(as_bytes(kPurpose)).number(format).number(body_size).raw_bytes(body);
  return writer.take();
}

}  // namespace samhain::baseline
