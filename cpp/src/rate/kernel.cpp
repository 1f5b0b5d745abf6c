// SPDX-License-Identifier: MIT
#include "rate/kernel.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace nnbridge::rate {
namespace {

// The modified Bessel function of the first kind, order 0, by its power series sum ((x/2)^n /
// n!)^2: every term is positive, so the sum is accurate to the last digits. (std::cyl_bessel_i is
// missing from libc++.)
double bessel_i0(double x) noexcept {
  const double quarter = x * x / 4;
  double term = 1;
  double sum = 1;
  for (int n = 1; term > sum * 1e-17; ++n) {
    term *= quarter / (static_cast<double>(n) * n);
    sum += term;
  }
  return sum;
}

double sinc(double x) noexcept {
  const double angle = std::numbers::pi * x;
  return std::abs(angle) < 1e-9 ? 1.0 : std::sin(angle) / angle;
}

}  // namespace

int half_length(int in_rate, int out_rate) noexcept {
  if (in_rate == out_rate) return 1;
  if (in_rate < out_rate) return Kernel::kHalfLength;
  const std::int64_t scaled = std::int64_t{Kernel::kHalfLength} * in_rate;
  return static_cast<int>((scaled + out_rate - 1) / out_rate);
}

void write_taps(int in_rate, int out_rate, double u, float* row, std::size_t taps) noexcept {
  const int half = half_length(in_rate, out_rate);
  const double cutoff = Kernel::kCutoff * std::min(1.0, static_cast<double>(out_rate) / in_rate);
  const double window_scale = 1 / bessel_i0(Kernel::kBeta);
  const std::size_t padding = taps - 2 * static_cast<std::size_t>(half);
  std::fill_n(row, padding, 0.0F);
  for (int k = 0; k < 2 * half; ++k) {
    const double x = k - half + u;
    const double edge = 1 - (x / half) * (x / half);
    const double window =
        edge > 0 ? bessel_i0(Kernel::kBeta * std::sqrt(edge)) * window_scale : 0.0;
    row[padding + static_cast<std::size_t>(k)] =
        static_cast<float>(cutoff * sinc(cutoff * x) * window);
  }
}

}  // namespace nnbridge::rate
