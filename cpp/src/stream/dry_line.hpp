// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

namespace nnbridge {

/// The input of the last while, addressed by frame number, for a dry signal delayed to match.
class DryLine {
 public:
  /// Holds at least the last `frames` frames.
  DryLine(std::size_t rows, std::size_t frames)
      : frames_(std::bit_ceil(frames)), samples_(rows * frames_, 0.0F) {}

  /// `samples` may be null: silence.
  void write(std::size_t row, std::int64_t position, const float* samples, int frames) noexcept {
    for (int done = 0; done < frames;) {
      const int piece = contiguous(position + done, frames - done);
      float* to = samples_.data() + row * frames_ + offset(position + done);
      const auto bytes = static_cast<std::size_t>(piece) * sizeof(float);
      if (samples) {
        std::memcpy(to, samples + done, bytes);
      } else {
        std::memset(to, 0, bytes);
      }
      done += piece;
    }
  }

  const float* read(std::size_t row, std::int64_t position) const noexcept {
    return samples_.data() + row * frames_ + offset(position);
  }

  /// How many of `frames` frames from `position` on lie in one piece.
  int contiguous(std::int64_t position, int frames) const noexcept {
    return static_cast<int>(
        std::min<std::size_t>(static_cast<std::size_t>(frames), frames_ - offset(position)));
  }

  void clear() noexcept { std::fill(samples_.begin(), samples_.end(), 0.0F); }

 private:
  std::size_t offset(std::int64_t position) const noexcept {
    return static_cast<std::size_t>(position) & (frames_ - 1);
  }

  std::size_t frames_;
  std::vector<float> samples_;
};

}  // namespace nnbridge
