// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "parameters.hpp"

namespace nnbridge::plugin {

/// What is turned while a model plays. Any thread may read and write: the audio thread writes what
/// a host automates, the worker reads it with each block.
struct Knobs {
  using Row = std::array<std::atomic<float>, kLatents>;

  Knobs() {
    for (auto& value : scale) value = 1.0F;
    attributes[kAttributes] = 1.0F;
  }

  Row scale;
  Row bias{};
  Row jitter{};  ///< standard deviation of what is added, drawn anew for each latent step
  Row trace{};   ///< the latest latent values, as the model gets them

  /// 0 to 1, over the range of each; the last is the temperature, as it is.
  std::array<std::atomic<float>, kAttributes + 1> attributes{};

  /// Bit k: attribute k was set by the host and not by the model's default. Set before the value,
  /// so that a value which nobody has turned can be told from one that somebody is turning.
  std::atomic<std::uint32_t> touched{0};
  /// The same for what the model has not been told yet.
  std::atomic<std::uint32_t> moved{0};
};

}  // namespace nnbridge::plugin
