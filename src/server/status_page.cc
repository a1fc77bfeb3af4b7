#include "server/status_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/text.h"
#include "server/page_style.h"

namespace samhain::server {
namespace {

constexpr std::int64_t kDayNs = 86'400'000'000'000;

constexpr std::array kTrouble = {ClientState::Illegal, ClientState::Panic, ClientState::Policy,
                                 ClientState::TimeoutExceeded, ClientState::Failed};

/// Parts of the table, in this order.
enum class Group : std::uint8_t { Attention, Trouble, Suspended, Running, Exited, Inactive };
constexpr std::size_t kGroups = 6;
struct Look {
  std::string_view title;
  std::string_view css;
};
constexpr std::array<Look, kGroups> kLooks = {{{"Needs attention", "bad"},
                                               {"Trouble in the last 24 hours", "late"},
                                               {"Suspended", "off"},
                                               {"Running", "good"},
                                               {"Exited", "off"},
                                               {"Not heard of yet", "off"}}};

bool is_trouble(ClientState state) {
  return std::find(kTrouble.begin(), kTrouble.end(), state) != kTrouble.end();
}

std::int64_t reached(const Client& client, ClientState state) {
  return client.reached_ns[static_cast<std::size_t>(state)];
}

Group group_of(ClientState state) {
  if (is_trouble(state)) return Group::Attention;
  switch (state) {
    case ClientState::Suspended:
      return Group::Suspended;
    case ClientState::Exited:
      return Group::Exited;
    case ClientState::Inactive:
      return Group::Inactive;
    default:
      return Group::Running;
  }
}

Group group_of(const Client& client, std::int64_t now_ns) {
  const Group group = group_of(client.state);
  const bool had_trouble = std::any_of(kTrouble.begin(), kTrouble.end(), [&](ClientState state) {
    return reached(client, state) != 0 && now_ns - reached(client, state) < kDayNs;
  });
  return group != Group::Attention && had_trouble ? Group::Trouble : group;
}

/// DD-MM-YYYY HH:MM:SS, local.
std::string head_time(std::int64_t time_ns) {
  if (time_ns == 0) return "(None)";
  const std::string iso = base::local_time(time_ns);  // YYYY-MM-DDTHH:MM:SS+ZZZZ
  return fmt::format("{}-{}-{} {}", iso.substr(8, 2), iso.substr(5, 2), iso.substr(0, 4),
                     iso.substr(11, 8));
}

using Buckets = std::array<std::vector<const Client*>, kGroups>;

Buckets sort(const Roster& roster, std::int64_t now_ns) {
  Buckets buckets;
  for (const auto& [name, client] : roster.clients()) {
    buckets[static_cast<std::size_t>(group_of(*client, now_ns))].push_back(client.get());
  }
  return buckets;
}

std::string own_head(const PageHead& head) {
  return fmt::format(
      "{}<p>Time: <b>{}</b></p>\n"
      "<p>Connections: max. {} simultaneous, Now: <b>{}</b>, Total: <b>{}</b></p>\n"
      "<p>Last connection: <b>{}</b></p>\n",
      kPageTop, head_time(head.now_ns), head.maximum, head.open, head.total,
      head_time(head.last_connection_ns));
}

/// How many clients there are in each state, the worst first.
std::string own_summary(const Roster& roster) {
  std::array<std::size_t, kClientStates> counts{};
  for (const auto& [name, client] : roster.clients()) {
    ++counts[static_cast<std::size_t>(client->state)];
  }
  std::string text = fmt::format("<ul class=\"sum\" aria-label=\"Clients by status\">\n");
  text += fmt::format("<li><b>{}</b> clients</li>\n", roster.clients().size());
  for (std::size_t group = 0; group < kGroups; ++group) {
    for (std::size_t i = 0; i < kClientStates; ++i) {
      const auto state = static_cast<ClientState>(i);
      if (counts[i] == 0 || group_of(state) != static_cast<Group>(group)) continue;
      text += fmt::format("<li class=\"{}\"><b>{}</b> {}</li>\n", kLooks[group].css, counts[i],
                          word(state));
    }
  }
  return text += "</ul>\n";
}

std::string filled_head(const PageHead& head, const std::string& text) {
  const std::string open = fmt::format("{}", head.open);
  const std::string total = fmt::format("{}", head.total);
  const std::string maximum = fmt::format("{}", head.maximum);
  return fill_template(text, {{'T', head_time(head.now_ns)},
                              {'S', head_time(head.started_ns)},
                              {'L', head_time(head.last_connection_ns)},
                              {'O', open},
                              {'A', total},
                              {'M', maximum}});
}

/// Appends rows.
class Rows {
 public:
  Rows(std::string& out, const PageTemplates& templates) : out_(out), templates_(templates) {}

  void add_group(Group group, const std::vector<const Client*>& clients) {
    look_ = &kLooks[static_cast<std::size_t>(group)];
    if (clients.empty()) return;
    if (!templates_.entry()) {
      fmt::format_to(std::back_inserter(out_),
                     "<tbody class=\"{}\">\n<tr class=\"h\"><th colspan=\"3\" scope=\"rowgroup\">"
                     "{} ({})</th></tr>\n",
                     look_->css, look_->title, clients.size());
    }
    for (const Client* client : clients) add(*client);
    if (!templates_.entry()) out_ += "</tbody>\n";
  }

 private:
  void add(const Client& client) {
    const std::string name = html(client.name());
    const std::string time = base::local_time(reached(client, client.state));
    add_row(templates_.entry() ? name : breakable(name), client.state, time);
    fmt::format_to(std::back_inserter(out_), "<!-- \n[STATUS:] {} {} [{}]\n -->\n", name,
                   word(client.state), time);
    for (const auto& [time_ns, state] : older_events(client)) {
      add_row("", state, base::local_time(time_ns));
    }
  }

  /// The newest first.
  static std::vector<std::pair<std::int64_t, ClientState>> older_events(const Client& client) {
    std::vector<std::pair<std::int64_t, ClientState>> events;
    for (std::size_t i = 0; i < kClientStates; ++i) {
      const auto state = static_cast<ClientState>(i);
      if (state != client.state && client.reached_ns[i] != 0) {
        events.emplace_back(client.reached_ns[i], state);
      }
    }
    std::stable_sort(events.begin(), events.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    return events;
  }

  /// A name that is too long goes on in the next line, after a dot or colon if it has one.
  static std::string breakable(std::string_view name) {
    std::string text;
    for (const char c : name) {
      text += c;
      if (c == '.' || c == ':') text += "<wbr>";
    }
    return text;
  }

  void add_row(std::string_view name, ClientState state, std::string_view time) {
    if (templates_.entry()) {
      out_ += fill_template(*templates_.entry(),
                            {{'H', name.empty() ? " " : name}, {'S', word(state)}, {'T', time}});
      return;
    }
    const std::string_view mark = is_trouble(state) ? " class=\"x\"" : "";
    if (name.empty()) {
      fmt::format_to(std::back_inserter(out_),
                     "<tr class=\"o\"><td></td><td{}>{}</td><td>{} {}</td></tr>\n", mark,
                     word(state), time.substr(0, 10), time.substr(11, 8));
    } else {
      fmt::format_to(std::back_inserter(out_),
                     "<tr><th scope=\"row\">{}</th><td{}>{}</td><td>{} {}</td></tr>\n", name, mark,
                     word(state), time.substr(0, 10), time.substr(11, 8));
    }
  }

  std::string& out_;
  const PageTemplates& templates_;
  const Look* look_ = nullptr;
};

}  // namespace

std::string render_page(const Roster& roster, const PageHead& head,
                        const PageTemplates& templates) {
  std::string page;
  if (templates.head()) {
    page = filled_head(head, *templates.head());
  } else {
    page = own_head(head) + own_summary(roster) + std::string{kTableTop};
  }
  Rows rows(page, templates);
  const Buckets buckets = sort(roster, head.now_ns);
  for (std::size_t i = 0; i < kGroups; ++i) rows.add_group(static_cast<Group>(i), buckets[i]);
  page += templates.foot() ? *templates.foot() : kTableEnd;
  return page;
}

std::string render_ended_page(const PageHead& head, const PageTemplates& templates) {
  std::string page;
  if (templates.head()) {
    page = filled_head(head, *templates.head());
  } else {
    page = own_head(head) + std::string{kNotRunning};
  }
  if (templates.foot()) return page + *templates.foot();
  return page += kPageEnd;
}

std::string html(std::string_view text) {
  std::string safe;
  for (const char c : base::printable(text)) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

}  // namespace samhain::server
