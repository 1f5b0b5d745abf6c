// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "nnbridge/result.hpp"

namespace nnbridge::engine {

/// What a TorchScript archive tells without being run.
struct Archive {
  std::int64_t version = 0;             ///< file format
  std::optional<std::string> manifest;  ///< the text of `nnbridge.json`
};

/// Reads the whole file once and verifies every entry's checksum. LibTorch does not check them,
/// and crashes on some damaged files; so nothing reaches it unverified.
Result<Archive> inspect_archive(const std::filesystem::path& path);

}  // namespace nnbridge::engine
