// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace nnbridge {

/// Changes the values that a chain's last method is about to take, where these lie below the audio
/// rate: those that `decode` gets in "encode+decode", in "prior+decode", and on its own. At the
/// rate of these values, and on the thread that runs the model.
class LatentEdit {
 public:
  virtual ~LatentEdit() = default;

  /// [worker] `values` are those of one item, `[channels, steps]`. `first_step` counts the steps
  /// since the stream's beginning: what draws random numbers from it draws the same ones again.
  virtual void edit(float* values, int channels, int steps, std::int64_t first_step) noexcept = 0;
};

}  // namespace nnbridge
