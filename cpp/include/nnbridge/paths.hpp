// SPDX-License-Identifier: MIT
//
// Paths as UTF-8, which is what Pd, Max, Python and error messages speak. A path's own `string()`
// is in the code page of the user on Windows, and throws for a letter that this page lacks.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace nnbridge {

inline std::string to_utf8(const std::filesystem::path& path) {
  const auto text = path.u8string();
  return {text.begin(), text.end()};
}

inline std::filesystem::path from_utf8(std::string_view text) {
  return {std::u8string(text.begin(), text.end())};
}

}  // namespace nnbridge
