// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>

namespace nnbridge::plugin {

/// Where a library is that ships with the plugin and is opened when it is first wanted. `name` is
/// without its ending.
std::filesystem::path companion(const std::string& name);

}  // namespace nnbridge::plugin
