#pragma once

namespace samhain::crypto {

/// Makes OpenSSL read its configuration, load its providers, fetch the algorithms of this folder
/// and seed its generator.  Call it before a process locks itself in: afterwards nothing in this
/// folder or in srp opens a file; fresh seed comes from getrandom(2), memory from brk(2) and
/// mmap(2).
void prepare();

}  // namespace samhain::crypto
