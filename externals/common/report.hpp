// SPDX-License-Identifier: MIT
//
// What nn~ says of itself, in every patcher the same.
#pragma once

#include <string>
#include <vector>

#include "nnbridge/player.hpp"

namespace nnbridge::patcher {

/// A message of the info outlet.
struct Line {
  std::string selector;
  std::vector<Value> values;
};

/// The answer to `bang`, in nn~'s order.
std::vector<Line> report(const Player& player);

/// The answer to `dump`: lines of the console.
std::vector<std::string> dump(const PlayerInfo& info);

std::vector<Value> method_names(const Contract& contract);
/// nn~ sends an empty symbol where there is none.
std::vector<Value> attribute_names(const Contract& contract);

/// Samples and milliseconds in all; then the stream's samples, and the model's own. Only where the
/// latency is known.
std::vector<Value> latency(const PlayerInfo& info);

/// Blocks run, late and failed; mean and worst cost in milliseconds, and the share of the time.
std::vector<Value> figures(const Stats& stats);

/// The answer to `get` as a line of the console.
std::string value_line(const PlayerEvent& event);

}  // namespace nnbridge::patcher
