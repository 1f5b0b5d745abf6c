// SPDX-License-Identifier: MIT
#pragma once

#include "NanoVG.hpp"
#include "view.hpp"

namespace nnbridge::plugin {

/// Draws the whole window, in its unscaled pixels.
void paint(DGL_NAMESPACE::NanoVG& canvas, const View& view);

}  // namespace nnbridge::plugin
