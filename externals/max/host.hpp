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

/// Finds a model as nn~ does: `.ts` is added where it is missing, then models/ of our package is
/// searched, then Max's search path. Absolute paths are taken as they are.
std::optional<std::filesystem::path> find_model(const std::string& name);

/// What `name` says the file is called.
std::string file_name(const std::string& name);

/// The samples of the buffer~ of this name at its own rate, or the numbers of the `array`.
std::optional<BufferValue> read_array(t_object* owner, const std::string& name);

Word to_word(const t_atom& atom);
std::vector<Word> to_words(long argc, const t_atom* argv);
void append(std::vector<t_atom>& atoms, double number);
void append(std::vector<t_atom>& atoms, std::int64_t number);
void append(std::vector<t_atom>& atoms, const std::string& text);
void append(std::vector<t_atom>& atoms, const Value& value);

}  // namespace nnbridge::max
