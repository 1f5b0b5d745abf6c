// SPDX-License-Identifier: MIT
#pragma once

#include "wiring.hpp"

namespace nnbridge::max {

/// Makes the class of this layout known to Max: nn~, mc.nn~ or mcs.nn~.
void define_class(Layout layout);

}  // namespace nnbridge::max
