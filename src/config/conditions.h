#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"

namespace samhain::config {

/// The blocks that are open at one line of a configuration, and whether that line counts.
class Conditions {
 public:
  Conditions(const Surroundings& surroundings, std::vector<Problem>& problems)
      : surroundings_(surroundings), problems_(problems) {}

  /// True where every open block counts.
  bool is_active() const { return blocks_.empty() || blocks_.back().counts; }

  /// Takes the line if it opens, turns or closes a block: `@…`, `$…`, `!@…`, `!$…`.  Tests inside a
  /// block that does not count are not made.  False: some other line.
  bool take(std::string_view line, unsigned number);

  /// At the end of the text: a Problem if blocks are still open, naming the innermost.
  void finish();

 private:
  struct Block {
    bool outer_counts = true;  ///< of the lines around it
    bool counts = true;        ///< of the lines in it, here
    bool has_else = false;
    unsigned line = 0;
  };

  void open(bool counts, unsigned number);
  void turn(unsigned number);
  void close(std::string_view word, unsigned number);
  bool is_true(std::string_view test, unsigned number);
  bool matches(std::string_view text, const std::string& name, unsigned number);
  void complain(Problem::Kind kind, unsigned number, std::string_view line, std::string reason,
                std::string remedy);

  const Surroundings& surroundings_;
  std::vector<Problem>& problems_;
  std::vector<Block> blocks_;
};

}  // namespace samhain::config
