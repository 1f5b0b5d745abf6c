// SPDX-License-Identifier: MIT
#include "engine_library.hpp"

#include <dlfcn.h>

#include <cstdint>

#include "companion.hpp"

namespace nnbridge::plugin {
namespace {

#ifdef __APPLE__
constexpr const char* kTorch = "@rpath/libtorch_cpu.dylib";
#else
constexpr const char* kTorch = "libtorch_cpu.so";
#endif

/// "2.13.0" of the LibTorch that is in the process already, empty if none is, "another" if it is
/// too old to say. The loader would hand it to our engine by its name alone.
std::string torch_in_process() {
  void* const torch = dlopen(kTorch, RTLD_LAZY | RTLD_NOLOAD);
  if (torch == nullptr) return {};
  using Version = std::uint64_t (*)();
  const auto version = reinterpret_cast<Version>(dlsym(torch, "aoti_torch_abi_version"));
  std::string text = "another";
  if (version != nullptr) {
    const auto number = version();
    const auto part = [&](int shift) { return std::to_string((number >> shift) & 0xFF); };
    text = part(56) + "." + part(48) + "." + part(40);
  }
  dlclose(torch);
  return text;
}

using Maker = Backend* (*)(Knobs*);

Maker open_engine(std::string& problem) {
  if (const auto found = torch_in_process(); !found.empty() && found != NNBRIDGE_TORCH_VERSION) {
    problem = "This program has already loaded LibTorch " + found +
              ", and this plugin was built for " NNBRIDGE_TORCH_VERSION
              ": use that version there, or the plugin in another program.";
    return nullptr;
  }
  const auto path = companion("nnbridge-engine");
  void* const engine = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (engine == nullptr) {
    const char* const why = dlerror();  // NOLINT(concurrency-mt-unsafe): this thread's own
    problem = "The engine can't be loaded (" + std::string(why != nullptr ? why : path.string()) +
              "): install the plugin again with `nnbridge plugin install`.";
    return nullptr;
  }
  return reinterpret_cast<Maker>(dlsym(engine, "nnbridge_plugin_backend"));
}

}  // namespace

std::unique_ptr<Backend> open_backend(Knobs* knobs, std::string& problem) {
  static std::string failure;
  static const Maker kMake = open_engine(failure);
  problem = failure;
  return std::unique_ptr<Backend>(kMake != nullptr ? kMake(knobs) : nullptr);
}

}  // namespace nnbridge::plugin
