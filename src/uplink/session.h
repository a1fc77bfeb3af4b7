#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "crypto/mac.h"
#include "samhain/bytes.h"
#include "samhain/report.h"
#include "spool/spool.h"
#include "srp/exchange.h"
#include "sys/loop.h"
#include "uplink/password.h"
#include "uplink/transfer.h"
#include "uplink/upload.h"
#include "wire/frame.h"
#include "wire/messages.h"

namespace samhain::uplink {

/// What carries a session's frames: the courier, or in tests a fake.  It answers by calling the
/// session's opened(), connect_failed(), unreachable(), received() and closed(), from the loop and
/// never from inside a call here.
class Transport {
 public:
  Transport() = default;
  virtual ~Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  /// A connection to the first server (0) or the second (1); one at a time.
  virtual void open(std::size_t server) = 0;
  virtual void send(wire::Type type, ByteView payload) = 0;
  virtual void close() = 0;  ///< nothing of the old connection comes after this
};

/// How far an attempt to authenticate has come, for somebody who watches.
struct Step {
  enum class Kind : std::uint8_t {
    Secured,   ///< TLS stands
    Refused,   ///< by the server, which says why
    Accepted,  ///< both ends have proven themselves
  };
  Kind kind = Kind::Secured;
  std::string known_as = {};  ///< our name as the server has it; may be empty
  wire::Refusal refusal = wire::Refusal::BadRequest;
};

/// The client's end of docs/protocol.md sections 3 to 5: proves the password, holds the session
/// key, signs the spool's reports and sends them until the server has acknowledged each.  A lost
/// server is tried again, by itself, after a pause that grows.
class Session {
 public:
  struct Settings {
    std::string client_name;  ///< what we claim to be
    wire::Id instance_id{};   ///< random, of this process: the server tells a second one by it
    std::string server;       ///< as configured: in messages
    std::string second_server = {};  ///< takes over while the first does not answer; may be empty
    std::uint16_t port = 0;
    bool is_visitor = false;  ///< looks at files, and leaves the client's running session alone
    std::chrono::milliseconds first_pause{1'000};
    std::chrono::milliseconds longest_pause{60'000};
    std::chrono::milliseconds keep_alive{60'000};  ///< an idle connection is closed after so long
    std::chrono::milliseconds handshake_limit{45'000};
    std::chrono::milliseconds answer_limit{60'000};  ///< longest wait for an acknowledgement
    std::chrono::milliseconds first_return{4'000};   ///< at the second: until the first is tried
    std::chrono::milliseconds return_pause{60'000};  ///< what that grows to while it stays away
    std::chrono::milliseconds return_limit{5'000};   ///< for the first to answer then
  };
  using OnReport = std::function<void(Report&&)>;
  using OnStep = std::function<void(const Step&)>;
  using OnCommands = std::function<void(const std::vector<wire::Command>&)>;

  /// Borrows all but the last two.  `spool` may be null: then it is for files only.
  Session(sys::Loop& loop, const base::Clock& clock, spool::Spool* spool, Transport& transport,
          const Password& password, Settings settings, OnReport on_report);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void wake();  ///< the spool has something new
  void stop();  ///< for good; what is not acknowledged stays in the spool

  /// Fetches a file, after those that were asked for before.  `on_done` is called from the loop,
  /// never from here.  A connection that breaks on the way is made anew, kMaxTries times together;
  /// where no server can be reached it fails at once.
  void get(Wanted wanted, Transfer::OnDone on_done);
  static constexpr unsigned kMaxTries = 3;
  /// Sends a baseline; else as get().
  void put(Offer offer, Upload::OnDone on_done);

  bool is_settled() const { return !has_reports(); }  ///< all is acknowledged
  bool has_failed() const { return has_failed_; }     ///< the last try; nothing worked since
  /// Our name as the server has it, by the last one that we authenticated with; may be empty.
  const std::string& known_as() const { return known_as_; }
  void on_progress(sys::Loop::Callback callback) { on_progress_ = std::move(callback); }
  /// Must not destroy the session.
  void on_step(OnStep callback) { on_step_ = std::move(callback); }
  /// For commands of the server's administrator, each time that they come; without this they are
  /// unexpected.  Must not destroy the session.
  void on_commands(OnCommands callback) { on_commands_ = std::move(callback); }

  // From the transport.
  void opened(const srp::ChannelBinding& binding);
  void connect_failed(std::string_view address, std::string_view reason);
  void received(wire::Type type, ByteView payload);
  void taken(std::size_t chunks);  ///< so many of the CHUNKs are with the network
  void unreachable();              ///< no address answers; why is said by connect_failed() of each
  /// There was a connection, if only for a moment.  `reason` is an errno text where there is one.
  void closed(std::string_view reason);

 private:
  enum class State : std::uint8_t {
    Idle,      ///< nothing to say
    Pausing,   ///< after a failure
    Opening,   ///< the transport is at it
    Greeting,  ///< Hello is sent
    Proving,
    Resuming,
    Open,
    Stopped
  };
  using TimePoint = std::chrono::steady_clock::time_point;

  /// What SRP gave: lives over many connections until the server forgets it or its time is up.
  struct Agreement {
    wire::Id id{};
    crypto::Mac mac;
    crypto::Mac file_mac;
    TimePoint renew_at;
  };
  struct Server {
    std::string host;
    std::optional<Agreement> agreement;
    std::set<std::string> told;  ///< since something worked with it
    bool is_left = false;        ///< for the other one
  };
  struct Sent {
    std::uint64_t seq;
    std::size_t size;
  };

  Server& server() { return servers_[current_]; }
  bool has_reports() const { return spool_ != nullptr && !spool_->is_empty(); }
  bool is_waiting() const { return !in_flight_.empty() || is_asked_; }

  // session_servers.cc
  void connect();
  void note_first_failed();
  bool try_first_again();
  std::chrono::milliseconds connect_limit() const;
  void pause_and_retry();
  void retry();
  void give_way();

  // session_files.cc
  void begin(std::unique_ptr<Errand> errand);
  void ask_for_file();
  void feed_file();
  void give_up_file(const Error& error);
  void take_file_frame(wire::Type type, ByteView payload);
  void break_off_file();
  void end_file(std::string_view failure);
  void conclude_file(std::string_view failure);
  void fail_files(std::string_view reason);
  void tell_verdicts();

  void open_connection();
  void greet();
  void resume();
  void take_challenge(ByteView payload);
  void take_acceptance(ByteView payload);
  void take_resumption(ByteView payload);
  void take_acknowledgement(ByteView payload);
  void begin_talk(std::uint64_t next_seq);
  void forget_acknowledged(std::uint64_t seq);
  void pump();
  void send_report(std::uint64_t seq, ByteView body);
  bool is_window_full() const;

  void go(State state);
  void arm(std::chrono::milliseconds delay, void (Session::*handler)());
  void arm_watch();
  void on_handshake_late();
  void on_watch();

  void note_refusal(wire::Type type, ByteView payload) const;
  void fail(std::string_view received);  ///< says what it means in this state, then pauses
  void tell_lost(std::string_view reason);
  std::string_view expected() const;
  void tell(Report report);
  /// Not again before something has worked in between, and only so many different ones.
  void tell_once(Report report);
  void progress();

  sys::Loop& loop_;
  const base::Clock& clock_;
  spool::Spool* spool_;
  Transport& transport_;
  const Password& password_;
  Settings settings_;
  OnReport on_report_;
  sys::Loop::Callback on_progress_;
  OnCommands on_commands_;
  OnStep on_step_;
  const wire::Id spool_id_;

  State state_ = State::Idle;
  std::optional<sys::Loop::Timer> timer_;
  std::chrono::milliseconds pause_;
  bool has_failed_ = false;
  bool has_told_service_failure_ = false;

  std::vector<Server> servers_;
  std::size_t current_ = 0;         ///< of servers_
  std::size_t failed_in_turn_ = 0;  ///< how many of them, since one worked
  TimePoint avoid_first_until_;     ///< it failed: not asked before this
  std::chrono::milliseconds return_pause_;
  bool is_return_due_ = false;  ///< nothing more for the second: what it has must be settled
  bool is_returning_ = false;   ///< the first is tried while the second works

  std::deque<std::unique_ptr<Errand>>
      errands_;            ///< the first is under way when the session is open
  bool is_asked_ = false;  ///< its question is sent, its last frame has not come
  struct Verdict {
    std::unique_ptr<Errand> errand;
    std::string failure;
  };
  std::deque<Verdict> verdicts_;
  sys::Loop::Timer verdict_timer_ = 0;

  srp::ChannelBinding binding_{};
  std::optional<srp::Client> client_;
  std::string known_as_;
  wire::Id nonce_{};

  std::uint64_t next_to_send_ = 0;
  std::deque<Sent> in_flight_;
  std::size_t in_flight_bytes_ = 0;
  TimePoint last_heard_;
  TimePoint last_active_;
  bool is_pumping_ = false;
};

}  // namespace samhain::uplink
