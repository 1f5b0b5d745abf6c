// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "nnbridge/player.hpp"
#include "wiring.hpp"

namespace nnbridge::max {

/// What stands in the box behind the name, up to the first attribute.
struct Arguments {
  bool empty = false;  // void, or nothing
  std::string model;
  std::string method;  // empty: forward
  int inlets = 0;      // 0: as many as the model wants
  int outlets = 0;
  int block = 0;

  bool says_channels() const { return inlets > 0 && outlets > 0; }
};

/// nn~ and mc.nn~: `<model> [method] [block] [inlets] [outlets]`, or `void <inlets> <outlets>
/// [block]`. mcs.nn~: `<model> [method] [items] [block]`, or `void <items> [block]`.
Arguments parse(Layout layout, const std::vector<Word>& words);

}  // namespace nnbridge::max
