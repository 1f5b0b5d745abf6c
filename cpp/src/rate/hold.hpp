// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstring>

namespace nnbridge::rate {

// Latents change hands unfiltered: going in, the last sample of each group of `ratio` counts;
// coming out, each value is held for `ratio` samples. `steps` counts the values at the low rate.
// The buffers do not overlap.

// in: steps * ratio samples; out: steps.
inline void keep_last(const float* in, std::size_t steps, std::size_t ratio, float* out) noexcept {
  if (ratio == 1) {
    if (steps > 0) std::memcpy(out, in, steps * sizeof(float));
    return;
  }
  for (std::size_t step = 0; step < steps; ++step) out[step] = in[step * ratio + ratio - 1];
}

// in: steps; out: steps * ratio samples.
inline void hold(const float* in, std::size_t steps, std::size_t ratio, float* out) noexcept {
  if (ratio == 1) {
    if (steps > 0) std::memcpy(out, in, steps * sizeof(float));
    return;
  }
  for (std::size_t step = 0; step < steps; ++step) {
    const float value = in[step];
    for (std::size_t i = 0; i < ratio; ++i) *out++ = value;
  }
}

}  // namespace nnbridge::rate
