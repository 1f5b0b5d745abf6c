// SPDX-License-Identifier: MIT
//
// The messages that change how a model is played, in every patcher the same.
#pragma once

#include <string>
#include <vector>

#include "nnbridge/player.hpp"

namespace nnbridge::patcher {

/// The device of `gpu 1` on this system.
extern const char* const kGpu;

/// The largest block and deadline that can be asked for, in samples.
inline constexpr double kMostSamples = 1e6;

/// A word as the name of something; a number is a name too.
std::string to_name(const Word& word);

/// Does what the message `name` (method, bufsize, gpu, deadline, late, resample, seed, compat) says
/// with the words behind it. An error says what the message takes.
Result<void> edit(PlayerSettings& settings, const std::string& name,
                  const std::vector<Word>& words);

}  // namespace nnbridge::patcher
