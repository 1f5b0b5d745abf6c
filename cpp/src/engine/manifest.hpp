// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "nnbridge/contract.hpp"

namespace nnbridge::engine {

/// Adds what `nnbridge.json` says to a contract read from the module itself. A manifest of a newer
/// schema is refused; unknown fields are ignored.
Result<void> apply_manifest(const std::string& json, Contract& contract);

}  // namespace nnbridge::engine
