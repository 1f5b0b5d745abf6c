// SPDX-License-Identifier: MIT
#include <dlfcn.h>

#include "companion.hpp"
#include "face.hpp"

nnbridge::plugin::WindowMaker nnbridge_window_maker() {
  using nnbridge::plugin::WindowMaker;
  // Never closed: what draws in it, OpenGL's driver, can't be unloaded everywhere.
  static const auto kMake = [] {
    const auto path = nnbridge::plugin::companion("nnbridge-window");
    void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    void* const made = library != nullptr ? dlsym(library, "nnbridge_plugin_window") : nullptr;
    return reinterpret_cast<WindowMaker>(made);
  }();
  return kMake;
}
