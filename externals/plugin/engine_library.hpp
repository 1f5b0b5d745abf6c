// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include "backend.hpp"

namespace nnbridge::plugin {

/// Opens the engine's library, which lies beside this binary, and with it LibTorch; once in a
/// process, and never closed: LibTorch can't be unloaded. Takes up to a second the first time.
/// Returns nothing, and says why, where that can't be; else it owns `knobs` from now on.
std::unique_ptr<Backend> open_backend(Knobs* knobs, std::string& problem);

}  // namespace nnbridge::plugin
