#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "samhain/bytes.h"
#include "samhain/handle.h"
#include "server/requests.h"
#include "server/role_group.h"
#include "server/roster.h"
#include "sys/socket.h"

namespace samhain::server {

/// How far a connection has come; each request is valid in one stage only.
enum class Stage : std::uint8_t {
  Judged,      ///< libwrap's verdict is awaited; its socket is still here
  Open,        ///< a Hello or a Resume may come
  Naming,      ///< its name is being looked up
  Begun,       ///< the gate makes a challenge
  Challenged,  ///< the proof may come
  Proving,     ///< the gate checks it
  Member,      ///< reports may come
};

/// What the keeper knows of one connection.
struct Connection {
  ConnectionId id = 0;
  Stage stage = Stage::Judged;
  UniqueFd socket;        ///< until a front has it
  std::string address;    ///< of the peer, without port
  std::string limit_key;  ///< what the limits for its address count by
  std::size_t front = 0;
  std::size_t gate = 0;
  std::string name;                    ///< claimed or inferred, lower case; empty: not known yet
  std::unique_ptr<wire::Hello> hello;  ///< from Hello to the end of the handshake
  Client* client = nullptr;            ///< registered under `name`; from Begun on
  wire::Id session{};                  ///< of a member
  std::unique_ptr<Session> visit;      ///< of a visitor: its own, which is nobody's in the roster
  std::uint64_t acked = 0;             ///< what is owed, while has_ack
  bool has_ack = false;
  std::uint64_t told = 0;  ///< the highest number that the client knows to be durable

  bool is_member() const { return stage == Stage::Member; }
  /// A member that may look at files and no more (docs/protocol.md section 4).
  bool is_visitor() const { return visit != nullptr; }
  /// Under which a member's frames are signed: nullptr where another process displaced it.
  Session* valid_session() const {
    if (is_visitor()) return visit.get();
    return is_current_member() ? &*client->session : nullptr;
  }
  /// A member whose session no other process has displaced; a visitor is none.
  bool is_current_member() const {
    return is_member() && client->session && client->session->id == session;
  }
  /// As the log names it.
  const std::string& shown_name() const { return name.empty() ? address : name; }
};

/// All connections, and how to speak to them.
class Connections {
 public:
  /// Called before a connection that is no member yet is forgotten, whoever ended it.
  using OnStrangerLost = std::function<void(Connection&)>;
  /// The same for a member.
  using OnMemberLost = std::function<void(const Connection&)>;

  Connections(RoleGroup& fronts, OnStrangerLost on_stranger_lost)
      : fronts_(fronts), on_stranger_lost_(std::move(on_stranger_lost)) {}

  void on_member_lost(OnMemberLost callback) { on_member_lost_ = std::move(callback); }

  Connection& add(UniqueFd socket, std::string address);
  Connection* find(ConnectionId id);
  std::size_t size() const { return connections_.size(); }
  std::size_t members() const { return members_; }
  /// Of one limit_key(), the oldest first.
  const std::vector<ConnectionId>& strangers_of(const std::string& limit_key) const;

  /// Gives the socket to a front; where none is up the connection ends.
  void pass_on(Connection& connection);
  /// The connection may be gone afterwards: `is_last` forgets it.
  void reply(Connection& connection, wire::Type type, ByteView payload, bool is_last);
  void refuse(Connection& connection, wire::Refusal reason);
  /// What is owed, with the commands that wait for the client.
  void acknowledge(Connection& connection, const std::vector<wire::Command>& commands);
  /// Commands alone, in an ACK that acknowledges nothing new; does nothing where there are none.
  void order(const Connection& connection, const std::vector<wire::Command>& commands);
  /// `next_seq`: what ACCEPTED or RESUMED tells the client.
  void make_member(Connection& connection, std::uint64_t next_seq);
  void close(Connection& connection);   ///< by us: the front closes the socket
  void forget(Connection& connection);  ///< the front has closed it already

  void for_each(const std::function<void(const Connection&)>& visit) const;
  /// Ends every connection for which `is_wanted` says so.
  void close_where(const std::function<bool(const Connection&)>& is_wanted);
  void forget_front(std::size_t front);  ///< it died, and its sockets with it

 private:
  void forget_stranger(const Connection& connection);
  RoleGroup& fronts_;
  OnStrangerLost on_stranger_lost_;
  OnMemberLost on_member_lost_;
  ConnectionId last_id_ = 0;
  std::size_t members_ = 0;
  std::unordered_map<ConnectionId, std::unique_ptr<Connection>> connections_;
  std::unordered_map<std::string, std::vector<ConnectionId>> strangers_;  ///< by limit_key
};

}  // namespace samhain::server
