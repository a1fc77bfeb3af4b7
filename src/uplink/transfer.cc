#include "uplink/transfer.h"

#include <utility>

#include "crypto/random.h"

namespace samhain::uplink {

namespace {

Error malformed(std::string_view what) { return Error{Error::Kind::Malformed, std::string{what}}; }

}  // namespace

Transfer::Transfer(Wanted wanted, OnDone on_done)
    : wanted_(std::move(wanted)), on_done_(std::move(on_done)) {}

Result<Errand::Question> Transfer::ask() {
  ++tries_;
  has_begun_ = false;
  received_ = 0;
  (void)sha_.finish();  // forgets what came before
  if (auto cleared = wanted_.store.clear(); !cleared) return cleared.error();
  nonce_ = crypto::random_array<16>();
  return Question{wire::Type::Get,
                  wire::encode(wire::Get{wanted_.kind, nonce_, wanted_.held, wanted_.delta})};
}

Result<bool> Transfer::take(wire::Type type, ByteView payload, crypto::Mac& key) {
  using wire::Type;
  using wire::Vouched;
  if (!has_begun_) {
    if (type == Type::File) return take_file(payload);
    if (type == Type::Unchanged) {
      return take_verdict(payload, key, Vouched::Unchanged, Fetched::Kind::Unchanged);
    }
    if (type == Type::NoFile) {
      return take_verdict(payload, key, Vouched::NoFile, Fetched::Kind::NoFile);
    }
  } else {
    if (type == Type::Chunk) return take_chunk(payload);
    if (type == Type::End) return take_end(payload, key);
  }
  return malformed("a frame out of turn");
}

Result<bool> Transfer::take_file(ByteView payload) {
  const auto file = wire::decode_file(payload);
  if (!file) return malformed("malformed FILE");
  if (file->size > wanted_.limit_bytes) {
    return Error{Error::Kind::Limit, "the server's file has " + std::to_string(file->size) +
                                         " bytes; allowed are " +
                                         std::to_string(wanted_.limit_bytes)};
  }
  has_begun_ = true;
  file_ = *file;
  return false;
}

Result<bool> Transfer::take_chunk(ByteView payload) {
  if (payload.empty() || payload.size() > wire::kMaxChunk) return malformed("malformed CHUNK");
  if (payload.size() > file_.size - received_) return malformed("CHUNK beyond the end");
  if (auto stored = wanted_.store.append(payload); !stored) return stored.error();
  sha_.update(payload);
  received_ += payload.size();
  return false;
}

Result<bool> Transfer::take_end(ByteView payload, crypto::Mac& key) {
  if (received_ != file_.size) return malformed("END before the end");
  if (auto good = verify(payload, key, wire::Vouched::File, file_.sha256); !good) {
    return good.error();
  }
  // The server vouches for a digest; that these bytes have it, we see for ourselves.
  if (sha_.finish() != file_.sha256) return Error{Error::Kind::Refused, "CHUNK of another file"};
  if (auto sealed = wanted_.store.seal(); !sealed) return sealed.error();
  verdict_ = Fetched::Kind::Received;
  return true;
}

Result<bool> Transfer::take_verdict(ByteView payload, crypto::Mac& key, wire::Vouched vouched,
                                    Fetched::Kind kind) {
  const bool is_unchanged = kind == Fetched::Kind::Unchanged;
  if (is_unchanged && wanted_.held == Digest{}) return malformed("UNCHANGED without a copy here");
  const auto good = verify(payload, key, vouched, is_unchanged ? wanted_.held : Digest{});
  if (!good) return good.error();
  verdict_ = kind;
  return true;
}

Result<void> Transfer::verify(ByteView payload, crypto::Mac& key, wire::Vouched vouched,
                              const Digest& sha256) {
  const auto tag = wire::decode_tag(payload);
  if (!tag) return malformed("malformed verdict");
  const crypto::Tag right = wire::file_mac(key, vouched, wanted_.kind, nonce_, sha256);
  if (crypto::equal_secrets(right, *tag)) return {};
  return Error{Error::Kind::Refused, "a verdict that is not authentic"};
}

std::string_view Transfer::expected() const {
  if (!has_begun_) return "FILE";
  return received_ == file_.size ? "END" : "CHUNK";
}

void Transfer::finish(std::string_view failure) {
  Fetched fetched;
  if (failure.empty()) {
    fetched.kind = verdict_;
    fetched.sha256 = verdict_ == Fetched::Kind::Unchanged ? wanted_.held : file_.sha256;
    fetched.size = received_;
    fetched.store = std::move(wanted_.store);
  } else {
    fetched.reason = failure;
  }
  // Whoever is told may destroy us.
  if (const OnDone on_done = std::exchange(on_done_, nullptr)) on_done(std::move(fetched));
}

}  // namespace samhain::uplink
