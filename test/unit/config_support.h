#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"

namespace samhain::config {

/// A host where nothing is left to chance, and a record of what was asked of it.
struct FakeHost {
  std::vector<std::string> commands;

  Surroundings surroundings() {
    return Surroundings{"client1.example.test",
                        "Linux:6.1.0-18-amd64:x86_64",
                        [](const std::string& path) { return path == "/etc/passwd"; },
                        [](const std::string& address) { return address == "192.0.2.7"; },
                        [this](const std::string& command) {
                          commands.push_back(command);
                          return command == "true";
                        },
                        [this](const std::string& command) -> Result<std::string> {
                          commands.push_back(command);
                          if (command == "false")
                            return Error{Error::Kind::Refused, "its exit status is not 0"};
                          return command == "silent" ? "" : "said " + command;
                        }};
  }
  Document parse(std::string_view text) { return config::parse(text, surroundings()); }
};

/// The values of the key `mark` that count, in order: "a b".
inline std::string marks(const Document& document) {
  std::string text;
  for (const Entry& entry : document.entries) {
    if (entry.key == "mark") text += (text.empty() ? "" : " ") + entry.value;
  }
  return text;
}

}  // namespace samhain::config
