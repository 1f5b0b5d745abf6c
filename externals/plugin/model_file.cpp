// SPDX-License-Identifier: MIT
#include "model_file.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>

namespace nnbridge::plugin {

namespace fs = std::filesystem;

std::string content_hash(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return {};
  std::uint64_t hash = 0xCBF29CE484222325U;
  std::array<char, 1 << 16> buffer{};
  while (stream.read(buffer.data(), buffer.size()) || stream.gcount() > 0) {
    for (std::streamsize i = 0; i < stream.gcount(); ++i) {
      hash =
          (hash ^ static_cast<unsigned char>(buffer[static_cast<std::size_t>(i)])) * 0x100000001B3U;
    }
  }
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
  return text.data();
}

std::vector<fs::path> model_folders() {
  std::vector<fs::path> folders;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here changes the environment
  if (const char* const listed = std::getenv("NNBRIDGE_MODELS")) {
    std::istringstream list(listed);
    for (std::string folder; std::getline(list, folder, ':');) {
      if (!folder.empty()) folders.emplace_back(folder);
    }
  }
  // NOLINTNEXTLINE(concurrency-mt-unsafe)
  if (const char* const home = std::getenv("HOME")) {
    folders.push_back(fs::path(home) / "nnbridge" / "models");
  }
  return folders;
}

std::vector<fs::path> models_in(const std::vector<fs::path>& folders) {
  std::vector<fs::path> models;
  std::error_code none;
  for (const auto& folder : folders) {
    for (fs::directory_iterator entry(folder, none), end; !none && entry != end;
         entry.increment(none)) {
      if (entry->path().extension() == ".ts") models.push_back(entry->path());
    }
  }
  std::sort(models.begin(), models.end(),
            [](const auto& one, const auto& other) { return one.filename() < other.filename(); });
  return models;
}

fs::path find_model(const fs::path& wanted, const std::string& hash,
                    const std::vector<fs::path>& folders) {
  std::error_code none;
  if (fs::is_regular_file(wanted, none)) return wanted;
  for (const auto& folder : folders) {
    const auto candidate = folder / wanted.filename();
    if (!fs::is_regular_file(candidate, none)) continue;
    if (hash.empty() || content_hash(candidate) == hash) return candidate;
  }
  return {};
}

}  // namespace nnbridge::plugin
