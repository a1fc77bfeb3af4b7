#pragma once

#include <cassert>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace samhain {

/// What went wrong in the outside world: a kind to decide by, one line to show, the errno if any.
struct [[nodiscard]] Error {
  enum class Kind {
    System,      ///< a system call failed; `sys_errno` says how
    Incomplete,  ///< more input is needed; ask again
    Malformed,   ///< the input breaks its format
    Limit,       ///< larger or more than allowed
    Missing,     ///< what was asked for does not exist
    Refused,     ///< not permitted, not trusted, not authentic
    Version,     ///< written by a newer program
    Timeout,     ///< the deadline passed
    Busy,        ///< held by somebody else
    NotBuilt,    ///< known from the original, and not built here yet
  };

  Kind kind;
  std::string what;
  int sys_errno = 0;

  /// The same error seen from one level up: "`concept` `name`: what".
  Error within(std::string_view concept_word, std::string_view name) const {
    std::string text{concept_word};
    if (!name.empty()) text.append(" ").append(name);
    return Error{kind, text.append(": ").append(what), sys_errno};
  }

  /// One line for people: what, and the text of the errno where there is one.
  std::string text() const {
    if (sys_errno == 0) return what;
    return what + ": " + std::strerror(sys_errno);
  }
};

/// An Error of kind System; give it `errno` at once, before anything else can change it.
inline Error system_error(std::string_view what, int sys_errno) {
  return Error{Error::Kind::System, std::string{what}, sys_errno};
}

/// A T, or the Error that prevented it.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(value()); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    assert(state_.index() == 1);
    return *std::get_if<1>(&state_);
  }

 private:
  T& value() {
    assert(state_.index() == 0);
    return *std::get_if<0>(&state_);
  }
  const T& value() const {
    assert(state_.index() == 0);
    return *std::get_if<0>(&state_);
  }

  std::variant<T, Error> state_;
};

/// Success without a value, or the Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  const Error& error() const {
    assert(state_.index() == 1);
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<std::monostate, Error> state_;
};

}  // namespace samhain
