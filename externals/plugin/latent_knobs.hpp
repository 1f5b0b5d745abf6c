// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numbers>
#include <utility>

#include "knobs.hpp"
#include "nnbridge/latents.hpp"

namespace nnbridge::plugin {

/// A number from the standard normal distribution that depends on nothing but its key: the same
/// sound again after a reset, and the same on both sides of a stereo track. Box-Muller over the
/// SplitMix64 generator (Steele, Lea, Flood 2014).
inline float normal_draw(std::uint64_t key) noexcept {
  const auto uniform = [](std::uint64_t seed) {
    std::uint64_t z = seed * 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    z ^= z >> 31U;
    return (static_cast<double>(z >> 11U) + 0.5) * 0x1p-53;
  };
  const double radius = std::sqrt(-2.0 * std::log(uniform(2 * key + 1)));
  return static_cast<float>(radius * std::cos(2.0 * std::numbers::pi * uniform(2 * key + 2)));
}

/// Scale, bias and jitter of the first dimensions.
class LatentKnobs final : public LatentEdit {
 public:
  explicit LatentKnobs(std::shared_ptr<Knobs> knobs) : knobs_(std::move(knobs)) {}

  void edit(float* values, int channels, int steps, std::int64_t first_step) noexcept override {
    for (int channel = 0; channel < std::min(channels, kLatents); ++channel) {
      const auto index = static_cast<std::size_t>(channel);
      const float scale = knobs_->scale[index];
      const float bias = knobs_->bias[index];
      const float jitter = knobs_->jitter[index];
      float* const row = values + static_cast<std::ptrdiff_t>(channel) * steps;
      for (int step = 0; step < steps; ++step) {
        if (scale != 1.0F) row[step] *= scale;
        if (bias != 0.0F) row[step] += bias;
        if (jitter == 0.0F) continue;
        const auto key = static_cast<std::uint64_t>(first_step + step) * kLatents + index;
        row[step] += jitter * normal_draw(key);
      }
      knobs_->trace[index].store(row[steps - 1], std::memory_order_relaxed);
    }
  }

 private:
  std::shared_ptr<Knobs> knobs_;
};

}  // namespace nnbridge::plugin
