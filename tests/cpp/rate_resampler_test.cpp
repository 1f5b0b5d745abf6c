// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <numbers>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "rate/resampler.hpp"

namespace {
long allocations = 0;
}
// Out of line: inlined, the pair looks mismatched to GCC.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using nnbridge::rate::Resampler;
constexpr double kPi = std::numbers::pi;

// Every host rate against both model rates, both ways, and one pair without a small ratio.
std::vector<std::pair<int, int>> pairs() {
  std::vector<std::pair<int, int>> list;
  for (const int model : {44100, 48000}) {
    for (const int host : {22050, 44100, 48000, 88200, 96000}) {
      if (host == model) continue;
      list.emplace_back(host, model);
      list.emplace_back(model, host);
    }
  }
  list.emplace_back(44101, 48000);
  list.emplace_back(48000, 44101);
  return list;
}

std::vector<float> push(Resampler& resampler, const float* in, int frames) {
  std::vector<float> out;
  float block[300];
  float* channel = block;
  for (;;) {
    const auto [used, made] = resampler.process(&in, frames, &channel, 300);
    out.insert(out.end(), block, block + made);
    in += used;
    frames -= used;
    if (frames == 0 && made < 300) return out;
  }
}

std::vector<float> convert(const std::vector<float>& in, Resampler& resampler) {
  resampler.reset();
  return push(resampler, in.data(), static_cast<int>(in.size()));
}

std::vector<float> convert(const std::vector<float>& in, int from, int to) {
  Resampler resampler(from, to, 1);
  return convert(in, resampler);
}

std::vector<float> noise(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> x(count);
  for (float& v : x) v = uniform(random);
  return x;
}

std::vector<float> tone(double cycles, std::size_t count) {
  std::vector<float> x(count);
  for (std::size_t n = 0; n < count; ++n) {
    x[n] = static_cast<float>(std::sin(2 * kPi * cycles * static_cast<double>(n)));
  }
  return x;
}

double decibels(double ratio) { return 20 * std::log10(std::max(ratio, 1e-15)); }

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

struct Fit {
  double gain;  // dB
  double rest;  // dB: total power of everything that is not the tone, against the tone
};

// The middle of y as a sin + b cos at a known frequency, by least squares, and what is left.
Fit fit(const std::vector<float>& y, double cycles) {
  const std::size_t begin = y.size() * 2 / 5, end = y.size() * 9 / 10;
  double ss = 0, sc = 0, cc = 0, ys = 0, yc = 0, yy = 0;
  for (std::size_t n = begin; n < end; ++n) {
    const double s = std::sin(2 * kPi * cycles * static_cast<double>(n));
    const double c = std::cos(2 * kPi * cycles * static_cast<double>(n));
    ss += s * s, sc += s * c, cc += c * c, ys += y[n] * s, yc += y[n] * c;
  }
  const double det = ss * cc - sc * sc;
  const double a = (ys * cc - yc * sc) / det, b = (yc * ss - ys * sc) / det;
  for (std::size_t n = begin; n < end; ++n) {
    const double e = y[n] - a * std::sin(2 * kPi * cycles * static_cast<double>(n)) -
                     b * std::cos(2 * kPi * cycles * static_cast<double>(n));
    yy += e * e;
  }
  return {decibels(std::hypot(a, b)),
          decibels(std::sqrt(2 * yy / static_cast<double>(end - begin)))};
}

// I0 by its integral (1/kPi) int_0^kPi exp(x cos t) dt; the trapezoidal rule converges
// geometrically.
double bessel_i0(double x) {
  double sum = 0;
  for (int i = 0; i < 64; ++i) sum += std::exp(x * std::cos(kPi * (i + 0.5) / 64));
  return sum / 64;
}

// The documented filter, evaluated directly at continuous time in double precision.
double direct(const std::vector<float>& x, double time, double low_over_in, int half) {
  double sum = 0;
  for (std::size_t n = 0; n < x.size(); ++n) {
    const double d = static_cast<double>(n) - time;
    if (std::abs(d) >= half) continue;
    const double c = 0.941 * low_over_in;
    const double core = d == 0 ? c : std::sin(kPi * c * d) / (kPi * d);
    sum += x[n] * core * bessel_i0(11 * std::sqrt(1 - d * d / (half * half))) / bessel_i0(11);
  }
  return sum;
}

}  // namespace

TEST(Resampler, ToneAboveTheLowerNyquistFrequencyIsAtLeast100DecibelsDown) {
  for (const auto& [from, to] : pairs()) {
    if (from < to) continue;
    Resampler resampler(from, to, 1);
    std::vector<double> above;  // in units of the lower Nyquist frequency
    above.reserve(80);
    const double top = static_cast<double>(from) / to;
    for (int i = 0; i < 40; ++i) above.push_back(1.0003 + 0.0011 * i);
    for (int i = 0; i < 40; ++i) above.push_back(1.045 + (top - 0.001 - 1.045) * i / 39);
    for (const double f : above) {
      if (f >= top) continue;
      const auto out = convert(tone(f * to / 2 / from, 8000), resampler);
      double power = 0;
      const std::size_t begin = out.size() * 2 / 5, end = out.size() * 9 / 10;
      for (std::size_t n = begin; n < end; ++n) power += double{out[n]} * out[n];
      EXPECT_LE(decibels(std::sqrt(2 * power / static_cast<double>(end - begin))), -100)
          << from << " -> " << to << " at " << f;
    }
  }
}

TEST(Resampler, ToneBelowTheLowerNyquistFrequencyLeavesNothingElseAboveMinus100Decibels) {
  for (const auto& [from, to] : pairs()) {
    Resampler resampler(from, to, 1);
    std::vector<double> below;
    below.reserve(70);
    for (int i = 0; i < 30; ++i) below.push_back(0.004 + 0.03 * i);
    for (int i = 0; i < 40; ++i) below.push_back(0.95 + 0.00124 * i);
    for (const double f : below) {
      const double hertz = f * std::min(from, to) / 2;
      const Fit got = fit(convert(tone(hertz / from, 8000), resampler), hertz / to);
      EXPECT_LE(got.rest, -100) << from << " -> " << to << " at " << f;
    }
  }
}

TEST(Resampler, PassbandIsFlatWithinATenthOfADecibelUpToNineTenths) {
  for (const auto& [from, to] : pairs()) {
    Resampler resampler(from, to, 1);
    for (const double f : {0.001, 0.05, 0.2, 0.5, 0.7, 0.8, 0.85, 0.87, 0.89, 0.9}) {
      const double hertz = f * std::min(from, to) / 2;
      const Fit got = fit(convert(tone(hertz / from, 8000), resampler), hertz / to);
      EXPECT_NEAR(got.gain, 0, 0.1) << from << " -> " << to << " at " << f;
    }
  }
}

// Ideal tones need no filter to be known: output m is sin(2 kPi f m / out_rate), with no delay at
// all.
TEST(Resampler, OutputSampleLiesExactlyAtItsTime) {
  for (const auto& [from, to] : pairs()) {
    Resampler resampler(from, to, 1);
    for (const double f : {0.03, 0.31, 0.7}) {
      const double hertz = f * std::min(from, to) / 2;
      const auto out = convert(tone(hertz / from, 8000), resampler);
      double worst = 0;
      for (std::size_t m = out.size() / 3; m < out.size(); ++m) {
        worst = std::max(
            worst, std::abs(out[m] - std::sin(2 * kPi * hertz / to * static_cast<double>(m))));
      }
      EXPECT_LE(worst, 1e-5) << from << " -> " << to << " at " << f;
    }
  }
}

TEST(Resampler, MatchesTheDocumentedFilterEvaluatedDirectly) {
  for (const auto& [from, to] : pairs()) {
    const auto x = noise(2000, 5);
    const auto out = convert(x, from, to);
    Resampler probe(from, to, 1);
    const double low = std::min(1.0, static_cast<double>(to) / from);
    for (std::size_t m = 0; m < out.size(); m += 37) {
      const double time = static_cast<double>(m) * from / to;
      EXPECT_NEAR(out[m], direct(x, time, low, probe.half_length()), 3e-6)
          << from << " -> " << to << " at " << m;
    }
  }
}

TEST(Resampler, ReachesAboutSixtySamplesOfTheLowerRateToEachSide) {
  EXPECT_EQ(Resampler(44100, 48000, 1).half_length(), 60);
  EXPECT_EQ(Resampler(22050, 48000, 1).half_length(), 60);
  EXPECT_EQ(Resampler(96000, 48000, 1).half_length(), 120);
  EXPECT_EQ(Resampler(48000, 44100, 1).half_length(), 66);
  EXPECT_EQ(Resampler(44100, 44100, 1).half_length(), 1);
}

TEST(Resampler, ImpulseIsSymmetricAboutItsExactTime) {
  for (const auto& [from, to] : pairs()) {
    if (from == 44101 || to == 44101) continue;
    const int common = std::gcd(from, to);
    const int p = to / common, q = from / common;
    const int at = (600 / q + 1) * q;  // a whole output sample
    std::vector<float> x(static_cast<std::size_t>(at) + 1500, 0.0F);
    x[static_cast<std::size_t>(at)] = 1;
    const auto out = convert(x, from, to);
    const int half = Resampler(from, to, 1).half_length();
    const auto centre = static_cast<std::size_t>(at / q) * static_cast<std::size_t>(p);
    ASSERT_LT(centre + 150, out.size());
    EXPECT_GT(out[centre], 0.4F);
    for (std::size_t d = 1; d <= 150; ++d) {
      EXPECT_NEAR(out[centre - d], out[centre + d], 1e-8) << from << " -> " << to << " +-" << d;
      EXPECT_LT(out[centre + d], out[centre]);
    }
    for (std::size_t m = 0; m < out.size(); ++m) {
      const auto distance = std::abs(static_cast<double>(m) * q / p - at);
      if (distance >= half) {
        EXPECT_EQ(out[m], 0.0F);
      }
    }
  }
}

TEST(Resampler, SameBitsHoweverTheInputIsCut) {
  for (const auto& [from, to] : pairs()) {
    const auto x = noise(20000, 6);
    const auto whole = convert(x, from, to);
    for (const int most : {1, 2, 64, 1500}) {
      Resampler resampler(from, to, 1);
      std::mt19937 random(static_cast<unsigned>(most));
      std::vector<float> out;
      for (std::size_t n = 0; n < x.size();) {
        const std::size_t take = std::min(x.size() - n, random() % static_cast<unsigned>(most) + 1);
        const auto part = push(resampler, x.data() + n, static_cast<int>(take));
        out.insert(out.end(), part.begin(), part.end());
        n += take;
      }
      EXPECT_TRUE(same_bits(out, whole)) << from << " -> " << to << " up to " << most;
    }
  }
}

TEST(Resampler, SameBitsHoweverLateTheOutputIsFetched) {
  for (const auto& [from, to] : pairs()) {
    const auto x = noise(20000, 7);
    const auto whole = convert(x, from, to);
    Resampler resampler(from, to, 1);
    std::mt19937 random(8);
    std::vector<float> out(whole.size() + 8192);
    std::size_t made = 0;
    const float* in = x.data();
    int left = static_cast<int>(x.size());
    for (int call = 0; call < 100000 && made < whole.size(); ++call) {
      float* channel = out.data() + made;
      const int offered = std::min(left, static_cast<int>(random() % 3000));
      const auto got = resampler.process(&in, offered, &channel, static_cast<int>(random() % 900));
      in += got.consumed;
      left -= got.consumed;
      made += static_cast<std::size_t>(got.produced);
    }
    out.resize(made);
    EXPECT_EQ(left, 0);
    EXPECT_TRUE(same_bits(out, whole)) << from << " -> " << to;
  }
}

TEST(Resampler, HoldsBackInputOnlyWhenItsPendingSpaceIsFull) {
  Resampler resampler(48000, 44100, 1);
  const auto x = noise(4096, 9);
  const float* in = x.data();
  float* out = nullptr;
  const auto first = resampler.process(&in, Resampler::kMaxPending, &out, 0);
  EXPECT_EQ(first.consumed, Resampler::kMaxPending);
  EXPECT_EQ(first.produced, 0);
  const auto second = resampler.process(&in, 4096, &out, 0);
  EXPECT_LT(second.consumed, 4096);
}

TEST(Resampler, EachOutputFrameAppearsWithExactlyTheInputThatIsPromised) {
  auto list = pairs();
  list.emplace_back(44100, 44100);
  list.emplace_back(3, 2);
  list.emplace_back(1, 1000);
  list.emplace_back(1000, 1);
  for (const auto& [from, to] : list) {
    Resampler resampler(from, to, 1);
    std::int64_t made = 0;
    std::vector<float> out(2048);
    float* channel = out.data();
    const float zero = 0;
    const float* in = &zero;
    for (std::int64_t n = 1; n <= 5000; ++n) {
      made += resampler.process(&in, 1, &channel, 2048).produced;
      if (made > 0) {
        ASSERT_LE(resampler.inputs_needed(made - 1), n) << from << " -> " << to;
      }
      ASSERT_GT(resampler.inputs_needed(made), n) << from << " -> " << to;
    }
  }
}

TEST(Resampler, DoesNotDriftInTenMinutes) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP()
      << "one thread and long loops: minutes under a sanitizer, and nothing for it to find";
#endif
  for (const auto& [from, to] : {std::pair{44100, 48000}, {48000, 44100}, {44101, 48000}}) {
    Resampler resampler(from, to, 1);
    // 997 whole cycles in each second: with no drift each second's output has the bits of the last.
    const auto second = tone(997.0 / from, static_cast<std::size_t>(from));
    std::vector<float> early, late;
    float* channel = nullptr;
    std::int64_t made = 0;
    std::vector<float> out(static_cast<std::size_t>(to) + 1);
    for (int i = 0; i < 600; ++i) {
      const float* in = second.data();
      channel = out.data();
      const auto got = resampler.process(&in, from, &channel, to + 1);
      ASSERT_EQ(got.consumed, from);
      made += got.produced;
      if (i == 1) early.assign(out.begin(), out.begin() + got.produced);
      if (i == 599) late.assign(out.begin(), out.begin() + got.produced);
    }
    EXPECT_EQ(early.size(), static_cast<std::size_t>(to));
    EXPECT_TRUE(same_bits(early, late)) << from << " -> " << to;
    EXPECT_LE(resampler.inputs_needed(made - 1), std::int64_t{600} * from);
    EXPECT_GT(resampler.inputs_needed(made), std::int64_t{600} * from);
  }
}

TEST(Resampler, ResetIsAsGoodAsNew) {
  for (const auto& [from, to] : pairs()) {
    const auto x = noise(3000, 10);
    Resampler resampler(from, to, 1);
    const auto first = push(resampler, x.data(), 3000);
    push(resampler, x.data(), 1234);
    resampler.reset();
    EXPECT_TRUE(same_bits(push(resampler, x.data(), 3000), first)) << from << " -> " << to;
  }
}

TEST(Resampler, ChannelsDoNotTouchEachOther) {
  const auto a = noise(3000, 11), b = noise(3000, 12);
  Resampler stereo(44100, 48000, 2);
  std::vector<float> left(4000), right(4000);
  const float* in[] = {a.data(), b.data()};
  float* out[] = {left.data(), right.data()};
  const auto got = stereo.process(in, 3000, out, 4000);
  ASSERT_EQ(got.consumed, 3000);
  left.resize(static_cast<std::size_t>(got.produced));
  right.resize(static_cast<std::size_t>(got.produced));
  EXPECT_TRUE(same_bits(left, convert(a, 44100, 48000)));
  EXPECT_TRUE(same_bits(right, convert(b, 44100, 48000)));
}

TEST(Resampler, EqualRatesPassEveryBit) {
  const auto x = noise(5000, 13);
  EXPECT_TRUE(same_bits(convert(x, 48000, 48000), x));
}

TEST(Resampler, AllocatesNothingOnceItRuns) {
  for (const auto& [from, to] : pairs()) {
    Resampler resampler(from, to, 1);
    const auto x = noise(10000, 14);
    std::vector<float> out(25000);
    const float* in = x.data();
    float* channel = out.data();
    const long before = allocations;
    resampler.process(&in, 10000, &channel, 25000);
    resampler.reset();
    EXPECT_EQ(allocations, before);
  }
}

TEST(Resampler, ABadSampleIsForgottenOnceTheFilterHasPassedIt) {
  std::vector<float> x = noise(2000, 15);
  x[500] = std::nanf("");
  const auto out = convert(x, 44100, 48000);
  for (std::size_t m = 720; m < out.size(); ++m) ASSERT_TRUE(std::isfinite(out[m])) << m;
}
