// SPDX-License-Identifier: MIT
#include "rate/resampler.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <numeric>

#include "rate/kernel.hpp"
#include "rate/ratio.hpp"

// Where the numbers come from
//
// Output m lies at input time t = m q / p. Write t = c - r / p with c = ceil(t) and a whole number
// 0 <= r < p. The kernel reaches `half` to each side, so the input samples c - half .. c + half - 1
// carry every nonzero tap, and sample c - half + k is k - half + r / p away from t. Hence
//
//   * output m needs the first ceil(m q / p) + half input samples, and no more;
//   * only p different rows of taps exist. They are tabled when p is at most `kMaxRows`; that
//   covers
//     every pair of customary rates (44100 -> 48000 has 160 rows, 48000 -> 44100 has 147).
//
// An odd pair (44101 -> 48000 has 48000 phases) would need tens of megabytes. There kMaxRows + 1
// rows are kept and the two nearest are mixed linearly. The mixture errs by at most |h''| / (8
// kMaxRows^2); a tone of angular frequency w <= pi per sample sees w^2 |H(w)| / (8 kMaxRows^2), at
// most 2.9e-7 or -130 dB. Positions stay exact all the same.
namespace nnbridge::rate {
namespace {

constexpr std::int64_t kMaxRows = 2048;
constexpr std::size_t kLanes = 8;

// The order of the additions is spelled out, so that it can be vectorised without leave to reorder
// and gives the same bits in every call.
float inner_product(const float* a, const float* b, std::size_t count) noexcept {
  float sum[kLanes] = {};
  for (std::size_t i = 0; i < count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) sum[lane] += a[i + lane] * b[i + lane];
  }
  return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

std::size_t row_length(std::int64_t in_rate, std::int64_t out_rate, int half) noexcept {
  if (in_rate == out_rate) return 1;
  return (2 * static_cast<std::size_t>(half) + kLanes - 1) / kLanes * kLanes;
}

}  // namespace

Resampler::Resampler(int in_rate, int out_rate, int channels)
    : up_(out_rate / std::gcd(in_rate, out_rate)),
      down_(in_rate / std::gcd(in_rate, out_rate)),
      half_(rate::half_length(in_rate, out_rate)),
      channels_(static_cast<std::size_t>(channels)),
      taps_(row_length(in_rate, out_rate, half_)),
      rows_(std::min(up_, kMaxRows)),
      exact_rows_(up_ <= kMaxRows),
      capacity_(taps_ + static_cast<std::size_t>(kMaxPending)) {
  assert(in_rate > 0 && out_rate > 0 && channels > 0);
  if (taps_ > 1) {
    const std::size_t stored = static_cast<std::size_t>(rows_) + (exact_rows_ ? 0 : 1);
    table_.resize(stored * taps_);
    for (std::size_t row = 0; row < stored; ++row) {
      const double u = static_cast<double>(row) / static_cast<double>(rows_);
      write_taps(in_rate, out_rate, u, table_.data() + row * taps_, taps_);
    }
  }
  history_.resize(capacity_ * channels_);
  reset();
}

void Resampler::reset() noexcept {
  std::fill(history_.begin(), history_.end(), 0.0F);
  // The window of output 0 starts at history index 0, with silence in front of the first frame.
  filled_ = taps_ - static_cast<std::size_t>(half_);
  centre_ = filled_;
  phase_ = 0;
}

std::int64_t Resampler::inputs_needed(std::int64_t index) const noexcept {
  return ceil_scaled(index, down_, up_) + half_;
}

float Resampler::interpolate(const float* window) const noexcept {
  if (taps_ == 1) return *window;
  if (exact_rows_) {
    return inner_product(table_.data() + static_cast<std::size_t>(phase_) * taps_, window, taps_);
  }
  const std::int64_t position = phase_ * rows_;
  const float* row = table_.data() + static_cast<std::size_t>(position / up_) * taps_;
  const float mix = static_cast<float>(position % up_) / static_cast<float>(up_);
  const float near = inner_product(row, window, taps_);
  const float far = inner_product(row + taps_, window, taps_);
  return near + mix * (far - near);
}

// Drops the frames that no later output looks at.
void Resampler::compact() noexcept {
  const std::size_t start = centre_ + static_cast<std::size_t>(half_) - taps_;
  if (start == 0) return;
  assert(start <= filled_);
  for (std::size_t channel = 0; channel < channels_; ++channel) {
    float* history = history_.data() + channel * capacity_;
    std::memmove(history, history + start, (filled_ - start) * sizeof(float));
  }
  filled_ -= start;
  centre_ -= start;
}

Resampler::Progress Resampler::process(const float* const* in, int in_frames, float* const* out,
                                       int out_frames) noexcept {
  const auto half = static_cast<std::size_t>(half_);
  const auto whole_step = static_cast<std::size_t>(down_ / up_);
  const std::int64_t phase_step = down_ % up_;
  int consumed = 0;
  int produced = 0;
  for (;;) {
    while (produced < out_frames && centre_ + half <= filled_) {
      const std::size_t start = centre_ + half - taps_;
      for (std::size_t channel = 0; channel < channels_; ++channel) {
        out[channel][produced] = interpolate(history_.data() + channel * capacity_ + start);
      }
      ++produced;
      // t + q/p = (centre + whole) - (phase - step) / p, with the phase brought back to 0 .. p - 1.
      centre_ += whole_step;
      phase_ -= phase_step;
      if (phase_ < 0) {
        phase_ += up_;
        ++centre_;
      }
    }
    if (consumed == in_frames) break;
    if (filled_ == capacity_) compact();
    const std::size_t taken =
        std::min(capacity_ - filled_, static_cast<std::size_t>(in_frames - consumed));
    if (taken == 0) break;
    for (std::size_t channel = 0; channel < channels_; ++channel) {
      std::memcpy(history_.data() + channel * capacity_ + filled_, in[channel] + consumed,
                  taken * sizeof(float));
    }
    filled_ += taken;
    consumed += static_cast<int>(taken);
  }
  return {consumed, produced};
}

}  // namespace nnbridge::rate
