// SPDX-License-Identifier: MIT
#include "companion.hpp"

#include <dlfcn.h>

namespace nnbridge::plugin {
namespace {

#ifdef __APPLE__
constexpr const char* kEnding = ".dylib";
#else
constexpr const char* kEnding = ".so";
#endif
constexpr const char* kBundle = NNBRIDGE_BUNDLE_BINARY;  // from the folder that holds the bundle

std::filesystem::path own_folder() {
  static const char kMarker = 0;
  Dl_info info{};
  if (dladdr(&kMarker, &info) == 0 || info.dli_fname == nullptr) return {};
  return std::filesystem::weakly_canonical(info.dli_fname).parent_path();
}

}  // namespace

std::filesystem::path companion(const std::string& name) {
  // A CLAP file and an LV2 bundle lie beside the VST3 bundle, which holds them for all.
  auto path = own_folder() / (name + kEnding);
  for (const auto& folder : {own_folder(), own_folder().parent_path()}) {
    if (!std::filesystem::exists(path)) path = folder / kBundle / (name + kEnding);
  }
  return path;
}

}  // namespace nnbridge::plugin
