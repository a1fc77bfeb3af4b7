#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "samhain/report.h"
#include "samhain/result.h"
#include "wire/messages.h"

namespace samhain::server {

/// Orders of administrators for clients (docs/protocol.md section 5, yulectl(8)): each waits until
/// its client confirms it.  They survive a restart of the server in a text file beside the log,
/// made anew as a whole when something changed.
class Commands {
 public:
  enum class Outcome : std::uint8_t {
    Sent,      ///< not confirmed (yet)
    Executed,  ///< done, or handed on to be done
    Refused,   ///< by the client; its report says why
  };
  struct Entry {
    std::uint64_t id = 0;
    std::string words;
    std::int64_t time_ns = 0;  ///< when it was queued, or first sent
    Outcome outcome = Outcome::Sent;
  };
  struct Queued {
    std::string client;
    bool is_new = false;  ///< false: the same one waits already
  };
  template <class T>
  using ByClient = std::map<std::string, T, std::less<>>;

  explicit Commands(std::string path) : path_(std::move(path)) {}

  /// Takes what the file holds; a file that is not there holds nothing.
  /// Errors: System, Malformed (with the line's number); nothing is taken then.
  Result<void> load();

  /// The same command for each of the clients, durable when this returns.
  /// Errors: System (the file cannot be written; nothing is queued then).
  Result<std::vector<Queued>> queue(std::span<const std::string> clients, std::string_view words,
                                    std::int64_t now_ns);
  /// What is taken back of a client.  What it has already been given it may do all the same.
  std::vector<Entry> cancel(std::string_view client);

  /// What an ACK to the client is to carry, the oldest first; noted as sent.
  std::vector<wire::Command> due(std::string_view client, std::int64_t now_ns);

  /// Does this report of the client confirm one of its commands?  Then that one waits no longer.
  void note(std::string_view client, const Report& report);

  /// Forgets clients that are not registered any more.
  void retain(const std::function<bool(std::string_view client)>& is_registered);

  /// If anything changed since.  Errors: System; tried again by the next call.
  Result<void> save();

  const ByClient<std::vector<Entry>>& pending() const { return state_.pending; }
  /// Of each client, by kind of command (the words before a colon), the last one sent.
  const ByClient<std::map<std::string, Entry>>& sent() const { return state_.sent; }

 private:
  struct State {
    std::uint64_t last_id = 0;
    ByClient<std::vector<Entry>> pending;
    ByClient<std::map<std::string, Entry>> sent;
  };
  Result<void> write() const;
  static bool take_line(std::string_view line, State& state);

  std::string path_;
  State state_;
  bool has_changed_ = false;
};

std::string_view word(Commands::Outcome outcome);

}  // namespace samhain::server
