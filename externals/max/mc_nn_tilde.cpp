// SPDX-License-Identifier: MIT
//
// Where Max enters mc.nn~.
#include "classes.hpp"
#include "host.hpp"

void ext_main(void*) {
  object_post(nullptr, "mc.nn~ - nnbridge " NNBRIDGE_VERSION " - MIT licence");
  nnbridge::max::define_class(nnbridge::max::Layout::kBatches);
}
