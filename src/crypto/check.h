#pragma once

namespace samhain::crypto {

/// Ends the process unless `is_done`.  For calls of OpenSSL that fail only without memory, without
/// randomness or by a mistake of ours: going on with half a key would be worse than ending.
void require(bool is_done, const char* what);

}  // namespace samhain::crypto
