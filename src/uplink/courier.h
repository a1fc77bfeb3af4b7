#pragma once

namespace samhain::uplink {

/// The courier's own main, `samhain --role=courier`: connections, TLS and frames for the scanner,
/// which has the keys.  It knows no password and no key, and what it carries is opaque to it.
/// Returns the exit status.  `may_share_user`: see run_resolver().
int run_courier(bool may_share_user = false);

}  // namespace samhain::uplink
