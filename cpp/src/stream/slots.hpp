// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace nnbridge {

/// A ring of blocks between two threads, addressed by block number. Each slot holds `rows` planar
/// rows of up to `frames` samples and carries the number of the block in it: the writer fills a
/// slot and publishes the number, the reader trusts a slot only while it bears the number wanted.
///
/// Whoever uses a ring sees to it that a slot is not written while it is being read: `Lane` says
/// how.
class Slots {
 public:
  static constexpr std::int64_t kEmpty = -1;

  static constexpr std::int64_t kFailed = -2;  // minus the block's number

  Slots(std::size_t count, std::size_t rows, std::size_t frames)
      : count_(count),
        frames_(frames),
        stride_(rows * frames),
        samples_(count * rows * frames),
        unsound_(count, 0),
        numbers_(std::make_unique<std::atomic<std::int64_t>[]>(count)) {
    clear();
  }

  float* row(std::int64_t block, std::size_t row) noexcept {
    return samples_.data() + index(block) * stride_ + row * frames_;
  }

  /// All rows of a block, `frames` apart.
  float* rows(std::int64_t block) noexcept { return row(block, 0); }

  /// With `unsound`, so many of its first frames are not to be heard.
  void publish(std::int64_t block, int unsound = 0) noexcept {
    unsound_[index(block)] = unsound;
    numbers_[index(block)].store(block, std::memory_order_release);
  }

  /// Marks a block that was run and came to nothing.
  void publish_failure(std::int64_t block) noexcept {
    numbers_[index(block)].store(kFailed - block, std::memory_order_release);
  }

  bool failed(std::int64_t block) const noexcept { return number(block) == kFailed - block; }

  bool holds(std::int64_t block) const noexcept { return number(block) == block; }

  /// Of a block that the ring holds.
  int unsound(std::int64_t block) const noexcept { return unsound_[index(block)]; }

  void release(std::int64_t block) noexcept {
    numbers_[index(block)].store(kEmpty, std::memory_order_release);
  }

  /// Whether nothing unread lies where this block would go.
  bool free_for(std::int64_t block) const noexcept { return number(block) == kEmpty; }

  /// Not while another thread uses the ring.
  void clear() noexcept {
    for (std::size_t i = 0; i < count_; ++i) numbers_[i].store(kEmpty, std::memory_order_relaxed);
  }

 private:
  std::size_t index(std::int64_t block) const noexcept {
    return static_cast<std::size_t>(block) % count_;
  }

  std::int64_t number(std::int64_t block) const noexcept {
    return numbers_[index(block)].load(std::memory_order_acquire);
  }

  std::size_t count_;
  std::size_t frames_;
  std::size_t stride_;
  std::vector<float> samples_;
  std::vector<int> unsound_;
  std::unique_ptr<std::atomic<std::int64_t>[]> numbers_;
};

}  // namespace nnbridge
