// SPDX-License-Identifier: MIT
//
// Where Max enters nn~.
#include "classes.hpp"
#include "host.hpp"

void ext_main(void*) {
  object_post(nullptr, "nn~ - nnbridge " NNBRIDGE_VERSION " - MIT licence");
  nnbridge::max::define_class(nnbridge::max::Layout::kSingle);
}
