// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

// Whole-number arithmetic for positions on two time axes. b and c are below 2^31; the product is
// split so that `a` may run for longer than any machine will (a * b / c must fit in 63 bits).
namespace nnbridge::rate {

constexpr std::int64_t floor_div(std::int64_t a, std::int64_t c) noexcept {
  return a / c - (a % c < 0 ? 1 : 0);
}

// floor(a * b / c)
constexpr std::int64_t floor_scaled(std::int64_t a, std::int64_t b, std::int64_t c) noexcept {
  const std::int64_t whole = floor_div(a, c);
  return whole * b + (a - whole * c) * b / c;
}

// ceil(a * b / c)
constexpr std::int64_t ceil_scaled(std::int64_t a, std::int64_t b, std::int64_t c) noexcept {
  return -floor_scaled(-a, b, c);
}

}  // namespace nnbridge::rate
