#include "sys/memory.h"

#include <sys/mman.h>

#include "samhain/secret.h"

namespace samhain::sys {

bool can_lock_memory() {
  // Locking a page twice is locking it once: this asks for one that is as a secret's.
  const SecretBytes<1> probe;
  return mlock(probe.span().data(), SecretBytes<1>::size()) == 0;
}

}  // namespace samhain::sys
