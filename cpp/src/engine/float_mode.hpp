// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#if defined(__SSE__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace nnbridge::engine {

/// Flushes denormals to zero on the calling thread and returns the mode there was. A decaying tail
/// otherwise costs some networks 25 times the time.
inline unsigned long long flush_denormals() {
#if defined(__SSE__) || defined(_M_X64)
  constexpr unsigned int kFlushToZero = 0x8000;
  constexpr unsigned int kDenormalsAreZero = 0x0040;
  const unsigned int mode = _mm_getcsr();
  _mm_setcsr(mode | kFlushToZero | kDenormalsAreZero);
  return mode;
#elif defined(__aarch64__)
  constexpr std::uint64_t kFlushToZero = 1ULL << 24;
  std::uint64_t mode = 0;
  asm volatile("mrs %0, fpcr" : "=r"(mode));
  asm volatile("msr fpcr, %0" : : "r"(mode | kFlushToZero));
  return mode;
#else
  return 0;
#endif
}

inline void restore_float_mode([[maybe_unused]] unsigned long long mode) {
#if defined(__SSE__) || defined(_M_X64)
  _mm_setcsr(static_cast<unsigned int>(mode));
#elif defined(__aarch64__)
  asm volatile("msr fpcr, %0" : : "r"(static_cast<std::uint64_t>(mode)));
#endif
}

}  // namespace nnbridge::engine
