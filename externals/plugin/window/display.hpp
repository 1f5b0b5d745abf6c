// SPDX-License-Identifier: MIT
#pragma once

namespace nnbridge::plugin {

/// Whether there is a display that OpenGL can draw on. DPF goes on without one, and fails later.
bool can_draw();

}  // namespace nnbridge::plugin
