// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "nnbridge/player.hpp"

namespace nnbridge {

/// Everything that a player is asked to be.
struct Wish {
  std::filesystem::path path;  ///< empty: no model
  PlayerSettings settings;
  std::optional<PlayerHost> host;
  int inputs = 0;
  int outputs = 0;
  int loads = 0;               ///< number of the load that asked for the file
  bool fresh = false;          ///< read the file again
  bool may_fall_back = false;  ///< to `forward`, where the file lacks the method
};

/// Whether both ask for the same file, read or read again, with the same settings.
bool ask_the_same(const Wish& one, const Wish& other);

/// What is left of a wish that cannot be fulfilled, put back in part to what was granted before it:
/// the device, the file, the method, the other settings, and each set of these. First what puts
/// back the device alone, last what puts back everything; of file and method first the one asked
/// for last, as if each had been asked for on its own.
std::vector<Wish> lesser_wishes(const Wish& wish, const Wish& granted);

/// Makes `later`, a wish that was built upon `asked`, one that builds upon what came of that;
/// unless it asks for another file.
void rebase(Wish& later, const Wish& asked, const Wish& granted);

}  // namespace nnbridge
