// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace nnbridge::plugin {

/// 16 hexadecimal digits that tell one file's content from another's (FNV-1a, 64 bit); empty: it
/// can't be read.
std::string content_hash(const std::filesystem::path& file);

/// Folders that people keep models in: those of NNBRIDGE_MODELS, then ~/nnbridge/models.
std::vector<std::filesystem::path> model_folders();

/// The `.ts` files in them, by name.
std::vector<std::filesystem::path> models_in(const std::vector<std::filesystem::path>& folders);

/// The file itself, or one of the same name and content in the folders; empty: there is none.
std::filesystem::path find_model(const std::filesystem::path& wanted, const std::string& hash,
                                 const std::vector<std::filesystem::path>& folders);

}  // namespace nnbridge::plugin
