#include "baseline/layout.h"

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

std::array<std::uint8_t, kHeadSizeSize> encode_head_size(std::uint64_t size) {
  base::Writer writer;
  writer.number(size);
  std::array<std::uint8_t, kHeadSizeSize> bytes{};
  std::ranges::copy(writer.view(), bytes.begin());
  return bytes;
}

std::uint64_t decode_head_size(ByteView bytes) {
  return base::Reader(bytes).number<std::uint64_t>();
}

Result<Trailer> find_trailer(ByteView end, std::uint64_t file_size) {
  if (end.size() < kVersionSize) return Error{Error::Kind::Malformed, "cut: no signature"};
  base::Reader version(end.last(kVersionSize));
  Trailer trailer;
  trailer.format = version.number<std::uint32_t>();
  if (as_text(version.raw_bytes(kMagic.size())) != kMagic) {
    return Error{Error::Kind::Malformed, "cut, or no baseline: no signature at its end"};
  }
  if (trailer.format > kFormat) {
    return Error{Error::Kind::Version, "written by a newer version of this program"};
  }
  if (trailer.format == 0 || end.size() < kTrailerSize) {
    return Error{Error::Kind::Malformed, "broken signature"};
  }
  if (trailer.format < kFormat) {
    return Error{Error::Kind::Version,
                 "written by an older version of this program; make it anew: samhain -t init"};
  }

  base::Reader reader(end.last(kTrailerSize));
  trailer.signature = reader.array<std::tuple_size_v<crypto::Signature>>();
  trailer.body_size = reader.number<std::uint64_t>();
  if (trailer.body_size != file_size - kTrailerSize) {
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
