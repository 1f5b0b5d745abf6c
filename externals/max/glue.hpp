// SPDX-License-Identifier: MIT
#pragma once

#include "host.hpp"

// clang-format off: after the others.
#include "ext_systhread.h"
// clang-format on

namespace nnbridge::max {

/// Max keeps functions of every kind under one type. `void (*)()` is what compilers let pass for
/// any.
template <class Function>
method as_method(Function function) {
  return reinterpret_cast<method>(reinterpret_cast<void (*)()>(function));
}

/// Has `act` done in the main thread: at once where this is it, else after what waits there
/// already. Max's own way, A_DEFER and `defer`, puts each message before those that wait, so that
/// two of one moment in the scheduler (`load`, then `set`) are done in reverse order.
template <class Box>
void in_main(Box* x, void (*act)(Box*, t_symbol*, short, t_atom*), t_symbol* name, long argc,
             t_atom* argv) {
  if (systhread_ismainthread()) {
    act(x, name, static_cast<short>(argc), argv);
  } else {
    defer_low(x, as_method(act), name, static_cast<short>(argc), argv);
  }
}

/// An attribute that Max keeps at `offset` of an object, and hands to `setter` when it is set.
template <class Setter>
void add_attribute(t_class* c, const char* name, const char* type, Setter setter, long offset,
                   const char* style, const char* label) {
  class_addattr(c, attr_offset_new(name, gensym(type), 0, nullptr, as_method(setter), offset));
  t_symbol* const symbol = gensym("symbol");
  class_attr_addattr_parse(c, name, "label", symbol, 0, label);
  if (style) class_attr_addattr_parse(c, name, "style", symbol, 0, style);
}

/// Writes what Max shows of an inlet or outlet; its own room is 512 bytes.
void write_assist(const std::string& text, char* to);

}  // namespace nnbridge::max
