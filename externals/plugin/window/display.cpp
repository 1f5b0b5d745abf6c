// SPDX-License-Identifier: MIT
#include "display.hpp"

#ifdef HAVE_X11
#include <GL/glx.h>
#endif

namespace nnbridge::plugin {

bool can_draw() {
#ifdef HAVE_X11
  Display* const display = XOpenDisplay(nullptr);
  if (display == nullptr) return false;
  const bool has_opengl = glXQueryExtension(display, nullptr, nullptr) != 0;
  XCloseDisplay(display);
  return has_opengl;
#else
  return true;
#endif
}

}  // namespace nnbridge::plugin
