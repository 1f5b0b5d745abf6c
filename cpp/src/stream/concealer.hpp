// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace nnbridge {

/// Joins good audio and its replacement without a click, on the audio thread.
///
/// When a block is missing there is nothing left to fade out: the last sample heard is held and
/// fades into the replacement. When audio is back, the replacement fades into it.
class Concealer {
 public:
  static constexpr int kFade = 64;  // frames: short beside any block, long enough not to click

  explicit Concealer(std::size_t rows) : last_(rows, 0.0F) {}

  /// For one frame run of every row: `good` may be null (nothing to play), `dry` may be null
  /// (silence), `out` may be null (a row that nobody hears). Call once per row, then `advance`. A
  /// host's NaN or infinity is no replacement.
  void render(std::size_t row, const float* good, const float* dry, float* out,
              int frames) noexcept {
    float last = last_[row];
    float level = level_;
    for (int i = 0; i < frames; ++i) {
      const float replacement = dry && std::isfinite(dry[i]) ? dry[i] : 0.0F;
      level = step(level, good != nullptr);
      if (good && level == 1.0F) {
        // At full level the samples pass untouched, bit for bit.
        last = good[i];
        if (out) out[i] = last;
        continue;
      }
      if (good) {
        last = good[i];
        if (out) out[i] = replacement + level * (last - replacement);
      } else {
        const float value = replacement + level * (last - replacement);
        if (out) out[i] = value;
      }
    }
    last_[row] = last;
  }

  /// After every row of a run was rendered.
  void advance(bool good, int frames) noexcept {
    level_ = good ? std::min(1.0F, level_ + static_cast<float>(std::min(frames, kFade)) / kFade)
                  : std::max(0.0F, level_ - static_cast<float>(std::min(frames, kFade)) / kFade);
  }

  void reset() noexcept {
    std::fill(last_.begin(), last_.end(), 0.0F);
    level_ = 1.0F;
  }

 private:
  static float step(float level, bool good) noexcept {
    constexpr float kStep = 1.0F / kFade;  // a power of two: sums stay exact
    return good ? std::min(1.0F, level + kStep) : std::max(0.0F, level - kStep);
  }

  std::vector<float> last_;
  float level_ = 1.0F;
};

}  // namespace nnbridge
