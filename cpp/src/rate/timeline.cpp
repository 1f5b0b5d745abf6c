// SPDX-License-Identifier: MIT
#include "rate/timeline.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <numeric>

#include "rate/kernel.hpp"
#include "rate/ratio.hpp"

namespace nnbridge::rate {

Timeline::Timeline(const TimelineConfig& config) noexcept
    : up_(config.model_rate / std::gcd(config.model_rate, config.host_rate)),
      down_(config.host_rate / std::gcd(config.model_rate, config.host_rate)),
      block_(config.block),
      input_(config.input),
      output_(config.output),
      half_in_(half_length(config.host_rate, config.model_rate)),
      half_out_(half_length(config.model_rate, config.host_rate)) {
  assert(config.host_rate > 0 && config.model_rate > 0 && config.block > 0);
}

std::int64_t Timeline::inputs_needed(std::int64_t k) const noexcept {
  if (k < 0) return 0;
  if (input_ == Signal::kLatent) return ceil_scaled((k + 1) * block_, down_, up_);
  return ceil_scaled((k + 1) * block_ - 1, down_, up_) + half_in_;
}

std::int64_t Timeline::outputs_unclipped(std::int64_t k) const noexcept {
  if (output_ == Signal::kLatent) return ceil_scaled(k * block_, down_, up_);
  return floor_scaled(k * block_ - half_out_, down_, up_) + 1;
}

std::int64_t Timeline::outputs_ready(std::int64_t k) const noexcept {
  return std::max<std::int64_t>(0, outputs_unclipped(k));
}

std::int64_t Timeline::most_inputs() const noexcept {
  return std::max(inputs_needed(0), ceil_scaled(block_, down_, up_));
}

std::int64_t Timeline::most_outputs() const noexcept { return ceil_scaled(block_, down_, up_); }

std::int64_t Timeline::latency(std::int64_t granularity) const noexcept {
  assert(granularity > 0);
  // After P = p / gcd(p, B) blocks the pattern of both axes repeats, `stride` host frames later.
  // The position of T_k within a call then takes, over the periods, every value that is congruent
  // to it modulo g = gcd(stride, granularity); the smallest is (T_k - 1) mod g, and it costs most.
  // The clipping of O_k at 0 can only help the first blocks, and what comes later decides.
  const std::int64_t period = up_ / std::gcd(up_, block_);
  const std::int64_t stride = period * block_ / up_ * down_;
  const std::int64_t step = std::gcd(stride, granularity);
  std::int64_t worst = std::numeric_limits<std::int64_t>::min();
  for (std::int64_t k = 0; k < period; ++k) {
    const std::int64_t last = inputs_needed(k) - 1;
    worst = std::max(worst, last - last % step - outputs_unclipped(k));
  }
  return worst;
}

std::int64_t Timeline::first_host_frame(std::int64_t step, std::int64_t ratio) const noexcept {
  return ceil_scaled(step * ratio, down_, up_);
}

std::int64_t Timeline::last_host_frame(std::int64_t step, std::int64_t ratio) const noexcept {
  return first_host_frame(step + 1, ratio) - 1;
}

std::int64_t Timeline::step_at(std::int64_t n, std::int64_t ratio) const noexcept {
  return floor_div(floor_scaled(n, up_, down_), ratio);
}

}  // namespace nnbridge::rate
