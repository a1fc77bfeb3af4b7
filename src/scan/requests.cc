#include "scan/requests.h"

#include <array>
#include <utility>

#include "base/codec.h"
#include "scan/facts_codec.h"

namespace samhain::scan {
namespace {

constexpr std::size_t kReplyHead = 4 + 1 + 1 + 4 + 8 + 4;
constexpr std::size_t kRemarkHead = 4 + 1 + 4 + 4 + 4;  // with the lengths of both texts
constexpr std::uint32_t kMaxPath = 1U << 16;
constexpr auto kLastMade = static_cast<std::uint8_t>(DigestKind::Md5);
constexpr std::uint32_t kMaxLine = 1U << 14;  // of a configuration
constexpr auto kLastStage = static_cast<std::uint8_t>(Stage::Unstable);

Error malformed(const char* what) { return Error{Error::Kind::Malformed, what}; }

/// The smallest order has nothing but its fixed fields and empty texts.
constexpr std::size_t kMinRequest = 4 + 1 + 1 + 4 + 4 + 4 + 8 + 8 + 1 + 1 + 4 + 4;

std::string_view take_name(base::Reader& reader) {
  return as_text(reader.raw_bytes(reader.number<std::uint16_t>()));
}

}  // namespace

std::span<const sys::Rule> rules_for_measurer() {
  static constexpr std::array kRules = {
      sys::Rule{kOrder, kMinRequest, sys::Channel::kMaxMessage, 0},
      sys::Rule{kCancel, 4, 4, 0},
      sys::Rule{kForget, 0, 0, 0},
      sys::Rule{kPace, 0, 0, 1},
  };
  return kRules;
}

std::span<const sys::Rule> rules_for_pool() {
  static constexpr std::array kRules = {
      sys::Rule{kAnswer, kReplyHead, sys::Channel::kMaxMessage, 0},
      sys::Rule{kBegin, 4, 4 + kMaxName, 0},
      sys::Rule{kRemark, kRemarkHead, kRemarkHead + kMaxName + kMaxTarget, 0},
  };
  return kRules;
}

Bytes encode_set_up(const SetUp& set_up) {
  base::Writer writer;
  writer.number(static_cast<std::uint32_t>(set_up.deadline.count()));
  writer.number(std::uint8_t{set_up.drops_cache}).number(std::uint8_t{set_up.follows_symlinks});
  for (const auto& lines :
       {set_up.skip.conditions, set_up.skip.types, set_up.skip.ignore_modified}) {
    writer.number(static_cast<std::uint32_t>(lines.size()));
    for (const std::string& line : lines) writer.text(line);
  }
  return writer.take();
}

Result<SetUp> decode_set_up(ByteView payload) {
  base::Reader reader(payload);
  SetUp set_up;
  set_up.deadline = std::chrono::seconds(reader.number<std::uint32_t>());
  set_up.drops_cache = reader.number<std::uint8_t>() != 0;
  set_up.follows_symlinks = reader.number<std::uint8_t>() != 0;
  for (auto* lines : {&set_up.skip.conditions, &set_up.skip.types, &set_up.skip.ignore_modified}) {
    const auto count = reader.number<std::uint32_t>();
    for (std::uint32_t i = 0; i < count && reader.is_good(); ++i) {
      lines->emplace_back(reader.text(kMaxLine));
    }
  }
  if (!reader.is_complete() || set_up.deadline.count() == 0) return malformed("set-up");
  return set_up;
}

Bytes encode(const Request& request) {
  const Order& order = request.order;
  base::Writer writer;
  writer.number(request.number)
      .number(std::uint8_t{request.is_careful})
      .number(std::uint8_t{order.lists})
      .number(static_cast<std::uint32_t>(order.trusted_depth))
      .text(order.directory)
      .number(order.attributes.bits())
      .number(order.inode)
      .number(order.prefix_size)
      .number(static_cast<std::uint8_t>(order.digest))
      .number(static_cast<std::uint8_t>(order.second_digest));
  writer.number(static_cast<std::uint32_t>(order.names.size()));
  for (const Wanted& wanted : order.names) {
    writer.text(wanted.name)
        .number(wanted.attributes.bits())
        .number(wanted.prefix_size)
        .number(wanted.type);
  }
  writer.number(static_cast<std::uint32_t>(request.skipped.size()));
  for (const std::string& name : request.skipped) writer.text(name);
  return writer.take();
}

Result<Request> decode_request(ByteView payload) {
  base::Reader reader(payload);
  Request request;
  Order& order = request.order;
  request.number = reader.number<std::uint32_t>();
  request.is_careful = reader.number<std::uint8_t>() != 0;
  order.lists = reader.number<std::uint8_t>() != 0;
  order.trusted_depth = reader.number<std::uint32_t>();
  order.directory = reader.text(kMaxPath);
  order.attributes = policy::AttributeSet(reader.number<std::uint32_t>());
  order.inode = reader.number<std::uint64_t>();
  order.prefix_size = reader.number<std::uint64_t>();
  const auto first = reader.number<std::uint8_t>();
  const auto second = reader.number<std::uint8_t>();
  if (first == 0 || first > kLastMade || second > kLastMade) return malformed("order");
  order.digest = static_cast<DigestKind>(first);
  order.second_digest = static_cast<DigestKind>(second);
  const auto names = reader.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < names && reader.is_good(); ++i) {
    Wanted wanted;
    wanted.name = reader.text(kMaxName);
    wanted.attributes = policy::AttributeSet(reader.number<std::uint32_t>());
    wanted.prefix_size = reader.number<std::uint64_t>();
    wanted.type = reader.number<std::uint8_t>();
    if (!is_good_name(wanted.name)) return malformed("order");
    order.names.push_back(std::move(wanted));
  }
  const auto skipped = reader.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < skipped && reader.is_good(); ++i) {
    request.skipped.emplace_back(reader.text(kMaxName));
  }
  if (!reader.is_complete() || order.directory.empty() || order.directory[0] != '/') {
    return malformed("order");
  }
  return request;
}

Result<Reply> decode_reply(ByteView payload) {
  base::Reader reader(payload);
  Reply reply;
  Answer& answer = reply.answer;
  reply.number = reader.number<std::uint32_t>();
  answer.is_last = reader.number<std::uint8_t>() != 0;
  const auto stage = reader.number<std::uint8_t>();
  answer.failed_errno = reader.number<std::int32_t>();
  answer.bytes_read = reader.number<std::uint64_t>();
  const auto count = reader.number<std::uint32_t>();
  if (!reader.is_good() || stage > kLastStage) return malformed("answer");
  answer.failed_stage = static_cast<Stage>(stage);

  ByteView input = payload.subspan(kReplyHead);
  // Never more memory than the message can be worth.
  answer.facts.reserve(std::min<std::size_t>(count, input.size() / 100));
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!take_facts(input, answer.facts.emplace_back())) return malformed("facts");
  }
  base::Reader rest(input);
  while (rest.left() > 0) {
    Wanted wanted;
    wanted.type = rest.number<std::uint8_t>();
    wanted.name = take_name(rest);
    if (!rest.is_good() || !is_good_name(wanted.name)) return malformed("names");
    answer.rest.push_back(std::move(wanted));
  }
  return reply;
}

void ReplyWriter::add(const FileFacts& facts) {
  append_facts(facts, facts_);
  ++fact_count_;
}

void ReplyWriter::add_rest(std::string_view name, std::uint8_t type) {
  const auto size = static_cast<std::uint16_t>(name.size());
  rest_.push_back(type);
  rest_.push_back(static_cast<std::uint8_t>(size >> 8));
  rest_.push_back(static_cast<std::uint8_t>(size & 0xFF));
  const ByteView bytes = as_bytes(name);
  rest_.insert(rest_.end(), bytes.begin(), bytes.end());
}

ByteView ReplyWriter::finish(std::uint32_t number, const End& end) {
  base::Writer head;
  head.number(number)
      .number(std::uint8_t{end.is_last})
      .number(static_cast<std::uint8_t>(end.failed_stage))
      .number(static_cast<std::int32_t>(end.failed_errno))
      .number(end.bytes_read)
      .number(fact_count_);
  message_ = head.take();
  message_.insert(message_.end(), facts_.begin(), facts_.end());
  message_.insert(message_.end(), rest_.begin(), rest_.end());
  facts_.clear();
  rest_.clear();
  fact_count_ = 0;
  return message_;
}

Bytes encode_begin(std::uint32_t number, std::string_view name) {
  base::Writer writer;
  writer.number(number).raw_bytes(as_bytes(name));
  return writer.take();
}

Result<Begin> decode_begin(ByteView payload) {
  base::Reader reader(payload);
  Begin begin;
  begin.number = reader.number<std::uint32_t>();
  begin.name = as_text(reader.raw_bytes(reader.left()));
  if (!reader.is_complete()) return malformed("begin");
  if (!begin.name.empty() && !is_good_name(begin.name)) return malformed("begin");
  return begin;
}

Bytes encode_remark(std::uint32_t number, const Remark& remark) {
  base::Writer writer;
  writer.number(number)
      .number(static_cast<std::uint8_t>(remark.kind))
      .number(remark.seconds)
      .text(remark.name)
      .text(remark.target);
  return writer.take();
}

Result<NumberedRemark> decode_remark(ByteView payload) {
  base::Reader reader(payload);
  NumberedRemark result;
  result.number = reader.number<std::uint32_t>();
  const auto kind = reader.number<std::uint8_t>();
  Remark& remark = result.remark;
  remark.seconds = reader.number<std::uint32_t>();
  remark.name = reader.text(kMaxName);
  remark.target = reader.text(kMaxTarget);
  const bool is_known = kind == static_cast<std::uint8_t>(Remark::Kind::Slow) ||
                        kind == static_cast<std::uint8_t>(Remark::Kind::Dangling);
  if (!reader.is_complete() || !is_known || !is_good_name(remark.name) ||
      remark.target.find('\0') != std::string::npos) {
    return malformed("remark");
  }
  remark.kind = static_cast<Remark::Kind>(kind);
  return result;
}

}  // namespace samhain::scan
