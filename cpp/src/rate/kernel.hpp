// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace nnbridge::rate {

// The low-pass that sits between two sample rates: a Kaiser-windowed sinc of continuous time.
//
// Let the unit of time be one sample of the LOWER of the two rates, so that the frequency 1 below
// is the lower Nyquist frequency. With half length H, cutoff c and window parameter b,
//
//     h(x) = c * sinc(c x) * I0(b * sqrt(1 - (x/H)^2)) / I0(b),   |x| < H,   0 elsewhere.
//
// The transform of h is a step at c smoothed by the window's main lobe, whose half width is
// sqrt(b^2 + pi^2) / (pi H). Two edges are given: the response must be within 0.1 dB (that is 1.1
// %) at 0.9, and below -100 dB from 1 on. The window reaches 1.1 % much nearer to the step than
// -100 dB, so the cutoff does not belong in the middle (0.95) but below it, and the filter becomes
// shorter than Kaiser's formula (A - 8) / (2.285 * 0.1 pi), which asks for the stopband's accuracy
// at both edges, would make it. Scanning b and c for the best stopband with at most 0.08 dB at 0.9
// gives
//
//     H = 54: -97.7 dB    56: -101.3 dB    58: -104.8 dB    60: -108.3 dB    64: -113.1 dB
//
// H = 60 is the shortest round figure that leaves room (8 dB) for all images of a tone adding up.
// Its response: -0.056 dB at 0.9, -108.3 dB from 1.000 upwards.
struct Kernel {
  static constexpr int kHalfLength = 60;
  static constexpr double kBeta = 11.0;
  static constexpr double kCutoff = 0.941;
};

// How far the kernel reaches on either side of its centre, in samples of the input, when converting
// from in_rate to out_rate. A downward conversion stretches the kernel to the output's band and
// rounds its length up. Equal rates need the sample itself and nothing else: 1.
int half_length(int in_rate, int out_rate) noexcept;

// h sampled at the offsets k - half + u for k = 0 .. 2 * half - 1 (in input samples; u in [0, 1]),
// written to the END of the row of `taps` floats; the front is zero. The gain is 1 in the passband.
void write_taps(int in_rate, int out_rate, double u, float* row, std::size_t taps) noexcept;

}  // namespace nnbridge::rate
