// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace nnbridge::rate {

// Converts planar float audio from one sample rate to another with zero phase: output sample m is
// the band-limited input at the input time m * in_rate / out_rate, exactly, for ever. Positions are
// whole numbers (a sample index and a phase counted in units of 1/p of a sample), so nothing can
// drift.
//
// Each output sample is a function of the input samples around it and of nothing else, computed in
// one fixed order. However the input is cut into calls, the same bits come out.
//
// One thread at a time. After construction nothing allocates, locks or throws.
class Resampler {
 public:
  // Frames that may wait inside, beyond those that the filter itself holds. See process().
  static constexpr int kMaxPending = 1024;

  struct Progress {
    int consumed;  // input frames taken in
    int produced;  // output frames written
  };

  // Rates in Hz, at least 1; channels at least 1. Allocates the filter table and the history.
  Resampler(int in_rate, int out_rate, int channels);

  // Takes input in and writes up to out_frames of the output that it makes possible; `in` may be
  // null when in_frames is 0. Output that does not fit in `out` waits for the next call. All input
  // is taken in unless more than kMaxPending frames would then be waiting for the caller to fetch
  // output.
  Progress process(const float* const* in, int in_frames, float* const* out,
                   int out_frames) noexcept;

  // Back to the state after construction, to the bit: silence before the first frame.
  void reset() noexcept;

  // Input frames that must have been taken in, since the start, for output frame `index` to exist.
  [[nodiscard]] std::int64_t inputs_needed(std::int64_t index) const noexcept;

  // The look-ahead, in input samples. Equal rates give 1: the sample itself.
  [[nodiscard]] int half_length() const noexcept { return half_; }

 private:
  [[nodiscard]] float interpolate(const float* window) const noexcept;
  void compact() noexcept;

  std::int64_t up_;    // p: p / q = out_rate / in_rate in lowest terms
  std::int64_t down_;  // q
  int half_;
  std::size_t channels_;
  std::size_t taps_;   // row length; a multiple of the lanes of the inner product, or 1 for a copy
  std::int64_t rows_;  // rows_ + 1 are stored when between rows is interpolated, rows_ otherwise
  bool exact_rows_;    // one row for each of the p phases
  std::size_t capacity_;  // frames of history for each channel
  std::vector<float> table_;
  std::vector<float> history_;

  // The next output lies at (centre_ - phase_ / p), with centre_ an index into the history.
  std::size_t centre_ = 0;
  std::int64_t phase_ = 0;
  std::size_t filled_ = 0;
};

}  // namespace nnbridge::rate
