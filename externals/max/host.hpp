// SPDX-License-Identifier: MIT
//
// What of Max is not an object: files, buffers, arrays, atoms. Everything here runs on Max's main
// thread.
#pragma once

// clang-format off: Max's headers want this order.
#include "ext.h"
#include "ext_obex.h"
// clang-format on

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "nnbridge/player.hpp"

namespace nnbridge::max {

/// Finds a model as nn~ does: `.ts` is added where it is missing, then models/ of our package, and
/// of nn~'s where that is installed, is searched, then Max's search path. Absolute paths are taken
/// as they are.
Result<std::filesystem::path> find_model(const std::string& name);

/// Reads the buffer~ of a name, at its own rate, or else the numbers of the `array`.
ArrayReader arrays_of(t_object* owner);

std::vector<Word> to_words(long argc, const t_atom* argv);
std::vector<t_atom> to_atoms(const std::vector<Value>& values);
/// Sends a message by an outlet. An error where it is too long for one.
Result<void> send(void* outlet, const std::string& selector, const std::vector<Value>& values);

}  // namespace nnbridge::max
