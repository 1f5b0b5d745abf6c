// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace nnbridge::plugin {

/// Adds the dry signal, delayed by the latency so that both lie on each other to the sample, and
/// sets the level. Audio thread, except `prepare`.
class Mixer {
 public:
  static constexpr int kChannels = 2;

  /// [audio stopped] A new memory of silence. `longest` is the largest latency, in frames.
  void prepare(int longest) {
    for (auto& line : lines_) line.assign(static_cast<std::size_t>(longest) + 1, 0.0F);
    at_ = 0;
  }

  void clear() noexcept {
    for (auto& line : lines_) std::fill(line.begin(), line.end(), 0.0F);
    at_ = 0;
    settled_ = false;
  }

  /// Keeps the input of this block, and gives it back `latency` frames late in `dry`. `in` and
  /// `dry` may be the same memory. Within a block a new latency takes the place of the one before,
  /// so that it doesn't click.
  void delay(const float* const* in, float* const* dry, int channels, int frames,
             int latency) noexcept {
    const auto size = lines_[0].size();
    if (size == 0) return;
    const auto behind = std::min(static_cast<std::size_t>(std::max(0, latency)), size - 1);
    const auto before = settled_ ? behind_ : behind;
    if (frames > 0) behind_ = behind;
    auto at = at_;
    for (int channel = 0; channel < channels; ++channel) {
      auto& line = lines_[static_cast<std::size_t>(channel)];
      const auto late = [&](std::size_t by) { return line[at >= by ? at - by : at + size - by]; };
      at = at_;
      for (int i = 0; i < frames; ++i) {
        line[at] = in[channel][i];
        float value = late(behind);
        if (before != behind) {
          const float share = static_cast<float>(i + 1) / static_cast<float>(frames);
          value = share * value + (1.0F - share) * late(before);
        }
        dry[channel][i] = value;
        at = at + 1 == size ? 0 : at + 1;
      }
    }
    at_ = at;
  }

  /// out = wet * out + dry * dry; the factors move towards the ones given within the block, so
  /// that a turned knob doesn't click.
  void mix(float* const* out, const float* const* dry, int channels, int frames, float wet_level,
           float dry_level) noexcept {
    if (!settled_) {
      wet_ = wet_level;
      dry_ = dry_level;
      settled_ = true;
    }
    if (frames == 0 || (wet_ == 1.0F && dry_ == 0.0F && wet_level == 1.0F && dry_level == 0.0F)) {
      return;  // not a bit of it is touched
    }
    const float wet_step = (wet_level - wet_) / static_cast<float>(frames);
    const float dry_step = (dry_level - dry_) / static_cast<float>(frames);
    for (int channel = 0; channel < channels; ++channel) {
      for (int i = 0; i < frames; ++i) {
        const auto steps = static_cast<float>(i + 1);
        out[channel][i] = (wet_ + wet_step * steps) * out[channel][i] +
                          (dry_ + dry_step * steps) * dry[channel][i];
      }
    }
    wet_ = wet_level;
    dry_ = dry_level;
  }

 private:
  std::array<std::vector<float>, kChannels> lines_;
  std::size_t at_ = 0;
  std::size_t behind_ = 0;  // how late the last block was
  float wet_ = 1.0F;
  float dry_ = 0.0F;
  bool settled_ = false;
};

}  // namespace nnbridge::plugin
