#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/skip.h"
#include "samhain/bytes.h"
#include "samhain/result.h"
#include "scan/measurer_pool.h"
#include "sys/channel.h"

namespace samhain::scan {

// What goes between the scanner's pool and a measurer; the kinds follow sys::kReady.

inline constexpr std::uint16_t kOrder = 16;   ///< to the measurer: Request
inline constexpr std::uint16_t kCancel = 17;  ///< to the measurer: u32 number of an order not begun
inline constexpr std::uint16_t kForget = 20;  ///< to the measurer: close all directories; empty
inline constexpr std::uint16_t kPace = 21;    ///< to the measurer: the page of its limits; empty
inline constexpr std::uint16_t kAnswer = 18;  ///< from it: Reply
inline constexpr std::uint16_t kBegin = 19;   ///< from it, before each object of a careful order
inline constexpr std::uint16_t kRemark = 22;  ///< from it, about an object of an order

/// What each side accepts.
std::span<const sys::Rule> rules_for_measurer();
std::span<const sys::Rule> rules_for_pool();

/// What a measurer is told at its start.
struct SetUp {
  std::chrono::seconds deadline{120};  ///< how long reading one file may take (see Measure)
  bool drops_cache = false;            ///< see Measure
  policy::SkipSettings skip;           ///< what is not read
  bool follows_symlinks = false;       ///< to remark on those that lead nowhere
};
Bytes encode_set_up(const SetUp& set_up);
/// Errors: Malformed.
Result<SetUp> decode_set_up(ByteView payload);

/// An order as it goes to a measurer.
struct Request {
  std::uint32_t number = 0;
  Order order;
  /// Says kBegin before each object, since a measurer died or hung over this order.
  bool is_careful = false;
  std::vector<std::string> skipped;  ///< names not to be touched: one of them hung a measurer
};
Bytes encode(const Request& request);
/// Errors: Malformed.
Result<Request> decode_request(ByteView payload);

/// An answer as it comes from one.
struct Reply {
  std::uint32_t number = 0;
  Answer answer;
};
/// Errors: Malformed.
Result<Reply> decode_reply(ByteView payload);

/// Gathers one reply: facts, then the names left for others.
class ReplyWriter {
 public:
  struct End {
    bool is_last = false;
    Stage failed_stage = Stage::None;
    int failed_errno = 0;
    std::uint64_t bytes_read = 0;
  };
  void add(const FileFacts& facts);
  void add_rest(std::string_view name, std::uint8_t type);
  std::size_t size() const { return facts_.size() + rest_.size(); }
  /// The message; valid until the next call.  Begins anew.
  ByteView finish(std::uint32_t number, const End& end);

 private:
  Bytes facts_;
  Bytes rest_;
  Bytes message_;
  std::uint32_t fact_count_ = 0;
};

/// kBegin: the order's number and the name; an empty name is the directory itself.
Bytes encode_begin(std::uint32_t number, std::string_view name);
struct Begin {
  std::uint32_t number = 0;
  std::string name;
};
Result<Begin> decode_begin(ByteView payload);

/// kRemark: the order's number and the remark.
struct NumberedRemark {
  std::uint32_t number = 0;
  Remark remark;
};
Bytes encode_remark(std::uint32_t number, const Remark& remark);
Result<NumberedRemark> decode_remark(ByteView payload);

}  // namespace samhain::scan
