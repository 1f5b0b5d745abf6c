// SPDX-License-Identifier: MIT
//
// Compares resamplers on what a live stream needs: alias and image rejection, passband, look-ahead,
// alignment, cost, allocations, independence of the cutting, drift. Prints Markdown.
//
//   resamplers            every figure for every pair of rates, worst case first
//   resamplers --summary  the worst cases only
//
// Our own resampler is always measured. The libraries are where the build found them
// (NNBRIDGE_BENCH_SPEEXDSP, NNBRIDGE_BENCH_SAMPLERATE, NNBRIDGE_BENCH_SOXR).
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <numbers>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "rate/resampler.hpp"

#ifdef NNBRIDGE_BENCH_SPEEXDSP
#include <speex/speex_resampler.h>
#endif
#ifdef NNBRIDGE_BENCH_SAMPLERATE
#include <samplerate.h>
#endif
#ifdef NNBRIDGE_BENCH_SOXR
#include <soxr.h>
#endif

// Every allocation of the process is counted, the libraries' own included (glibc only).
namespace {
std::atomic<long> allocations{0};
}
#ifdef __GLIBC__
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): glibc's names
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
void* malloc(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, size);
}
void* realloc(void* old, std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(old, size);
}
}
#endif

namespace {

constexpr double kPi = std::numbers::pi;

// One mono converter. push() appends all output that the input makes possible.
struct Converter {
  virtual ~Converter() = default;
  virtual void push(const float* in, int frames, std::vector<float>& out) = 0;
};

struct Candidate {
  std::string name;
  std::function<std::unique_ptr<Converter>(int, int)> make;
};

class Ours final : public Converter {
 public:
  Ours(int from, int to) : resampler_(from, to, 1) {}
  void push(const float* in, int frames, std::vector<float>& out) override {
    float block[512];
    float* channel = block;
    for (;;) {
      const auto [used, made] = resampler_.process(&in, frames, &channel, 512);
      out.insert(out.end(), block, block + made);
      in += used;
      frames -= used;
      if (frames == 0 && made < 512) return;
    }
  }

 private:
  nnbridge::rate::Resampler resampler_;
};

#ifdef NNBRIDGE_BENCH_SPEEXDSP
class Speex final : public Converter {
 public:
  Speex(int from, int to, int quality) {
    int error = 0;
    state_ = speex_resampler_init(1, static_cast<spx_uint32_t>(from), static_cast<spx_uint32_t>(to),
                                  quality, &error);
    speex_resampler_skip_zeros(state_);
  }
  ~Speex() override { speex_resampler_destroy(state_); }
  void push(const float* in, int frames, std::vector<float>& out) override {
    float block[512];
    for (;;) {
      auto used = static_cast<spx_uint32_t>(frames);
      spx_uint32_t made = 512;
      speex_resampler_process_float(state_, 0, in, &used, block, &made);
      out.insert(out.end(), block, block + made);
      in += used;
      frames -= static_cast<int>(used);
      if (frames == 0 && made < 512) return;
    }
  }

 private:
  SpeexResamplerState* state_ = nullptr;
};
#endif

#ifdef NNBRIDGE_BENCH_SAMPLERATE
class SampleRate final : public Converter {
 public:
  SampleRate(int from, int to, int kind) : ratio_(static_cast<double>(to) / from) {
    int error = 0;
    state_ = src_new(kind, 1, &error);
    src_set_ratio(state_, ratio_);
  }
  ~SampleRate() override { src_delete(state_); }
  void push(const float* in, int frames, std::vector<float>& out) override {
    float block[512];
    for (;;) {
      SRC_DATA data{};
      data.data_in = in;
      data.input_frames = frames;
      data.data_out = block;
      data.output_frames = 512;
      data.src_ratio = ratio_;
      src_process(state_, &data);
      out.insert(out.end(), block, block + data.output_frames_gen);
      in += data.input_frames_used;
      frames -= static_cast<int>(data.input_frames_used);
      if (frames == 0 && data.output_frames_gen < 512) return;
    }
  }

 private:
  SRC_STATE* state_ = nullptr;
  double ratio_;
};
#endif

#ifdef NNBRIDGE_BENCH_SOXR
class Soxr final : public Converter {
 public:
  Soxr(int from, int to, unsigned long recipe) {
    const soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
    const soxr_quality_spec_t quality = soxr_quality_spec(recipe, 0);
    const soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    soxr_error_t error = nullptr;
    state_ = soxr_create(from, to, 1, &error, &io, &quality, &runtime);
  }
  ~Soxr() override { soxr_delete(state_); }
  void push(const float* in, int frames, std::vector<float>& out) override {
    float block[512];
    for (;;) {
      std::size_t used = 0;
      std::size_t made = 0;
      soxr_process(state_, in, static_cast<std::size_t>(frames), &used, block, 512, &made);
      out.insert(out.end(), block, block + made);
      in += used;
      frames -= static_cast<int>(used);
      if (frames == 0 && made < 512) return;
    }
  }

 private:
  soxr_t state_ = nullptr;
};
#endif

std::vector<Candidate> candidates() {
  std::vector<Candidate> list;
  list.push_back({"nnbridge", [](int from, int to) { return std::make_unique<Ours>(from, to); }});
#ifdef NNBRIDGE_BENCH_SPEEXDSP
  for (const int quality : {6, 7, 8, 9, 10}) {
    list.push_back({"speexdsp q" + std::to_string(quality), [quality](int from, int to) {
                      return std::make_unique<Speex>(from, to, quality);
                    }});
  }
#endif
#ifdef NNBRIDGE_BENCH_SAMPLERATE
  list.push_back({"libsamplerate medium", [](int from, int to) {
                    return std::make_unique<SampleRate>(from, to, SRC_SINC_MEDIUM_QUALITY);
                  }});
  list.push_back({"libsamplerate best", [](int from, int to) {
                    return std::make_unique<SampleRate>(from, to, SRC_SINC_BEST_QUALITY);
                  }});
#endif
#ifdef NNBRIDGE_BENCH_SOXR
  list.push_back(
      {"soxr HQ", [](int from, int to) { return std::make_unique<Soxr>(from, to, SOXR_HQ); }});
  list.push_back(
      {"soxr VHQ", [](int from, int to) { return std::make_unique<Soxr>(from, to, SOXR_VHQ); }});
#endif
  return list;
}

double db(double ratio) { return 20 * std::log10(std::max(ratio, 1e-12)); }

std::vector<float> tone(double cycles_per_sample, std::size_t count) {
  std::vector<float> x(count);
  for (std::size_t n = 0; n < count; ++n) {
    x[n] = static_cast<float>(0.5 * std::sin(2 * kPi * cycles_per_sample * static_cast<double>(n)));
  }
  return x;
}

struct Fit {
  double amplitude;
  double phase;     // radians, of the sine a sin(w n + phase) with n counted from the first output
  double residual;  // RMS of everything else, as the amplitude of a sine of the same power
};

// Least squares a sin + b cos at the known frequency over y[begin, end).
Fit fit(const std::vector<float>& y, std::size_t begin, std::size_t end, double cycles) {
  double ss = 0, sc = 0, cc = 0, ys = 0, yc = 0;
  for (std::size_t n = begin; n < end; ++n) {
    const double angle = 2 * kPi * std::fmod(cycles * static_cast<double>(n), 1.0);
    const double s = std::sin(angle), c = std::cos(angle), v = y[n];
    ss += s * s, sc += s * c, cc += c * c, ys += v * s, yc += v * c;
  }
  const double det = ss * cc - sc * sc;
  const double a = (ys * cc - yc * sc) / det, b = (yc * ss - ys * sc) / det;
  double rest = 0;
  for (std::size_t n = begin; n < end; ++n) {
    const double angle = 2 * kPi * std::fmod(cycles * static_cast<double>(n), 1.0);
    const double e = y[n] - a * std::sin(angle) - b * std::cos(angle);
    rest += e * e;
  }
  return {std::hypot(a, b), std::atan2(b, a),
          std::sqrt(2 * rest / static_cast<double>(end - begin))};
}

struct Figures {
  double alias = -300;       // dB, worst total output for a tone above the lower Nyquist frequency
  double image = -300;       // dB, worst total of all that is not the tone, tones up to 0.9
  double image_full = -300;  // the same, tones up to the lower Nyquist frequency itself
  double stop = 1;           // where the stopband begins (lower Nyquist = 1)
  double ripple = 0;         // dB, largest deviation up to 0.9
  double offset = 0;    // output samples by which the output is late, after the library's own care
  int lookahead = 0;    // input frames
  double cost = 0;      // ns for each output frame
  bool regular = true;  // output m + p comes exactly q input frames after output m
  bool same_when_cut = true;
  long allocations = 0;  // in 10 s of running
};

Figures measure(const Candidate& candidate, int from, int to) {
  Figures figures;
  const double low = std::min(from, to);
  const double ratio = static_cast<double>(to) / from;

  std::vector<double> grid;  // in units of the lower Nyquist frequency
  for (int i = 1; i <= 45; ++i) grid.push_back(i * 0.02);
  // The edges of the transition decide, and sidelobes are narrow there.
  for (int i = 1; i < 110; ++i) grid.push_back(0.9 + i * 0.0011 + (i < 91 ? 0 : -0.0001));
  for (int i = 0; i < 20; ++i) grid.push_back(1.02 + i * 0.004);
  const double top = from / low;
  for (int i = 0; i < 60 && top > 1.1; ++i) grid.push_back(1.1 + (top - 0.002 - 1.1) * i / 59);

  std::vector<float> out;
  for (const double f : grid) {
    if (f >= top) continue;
    const double cycles = f * low / 2 / from;
    const auto in = tone(cycles, 14000);
    out.clear();
    candidate.make(from, to)->push(in.data(), static_cast<int>(in.size()), out);
    const std::size_t begin = out.size() * 2 / 5, end = out.size() * 9 / 10;
    if (f < 1) {
      const Fit got = fit(out, begin, end, cycles / ratio);
      const double rest = db(got.residual / 0.5);
      figures.image_full = std::max(figures.image_full, rest);
      if (f < 0.9001) {
        figures.image = std::max(figures.image, rest);
        figures.ripple = std::max(figures.ripple, std::abs(db(got.amplitude / 0.5)));
      }
      if (rest > -100) figures.stop = std::max(figures.stop, 2 - f);
      if (f == grid.front()) figures.offset = -got.phase / (2 * kPi * cycles / ratio);
    } else {
      double power = 0;
      for (std::size_t n = begin; n < end; ++n) power += double{out[n]} * out[n];
      const double level = db(std::sqrt(2 * power / static_cast<double>(end - begin)) / 0.5);
      figures.alias = std::max(figures.alias, level);
      if (level > -100) figures.stop = std::max(figures.stop, f);
    }
  }

  // Look-ahead: the most input beyond the one that an output coincides with.
  const auto noise = [&] {
    std::mt19937 random(1);
    std::uniform_real_distribution<float> uniform(-1, 1);
    std::vector<float> x(static_cast<std::size_t>(from));
    for (float& v : x) v = uniform(random);
    return x;
  }();
  out.clear();
  out.reserve(static_cast<std::size_t>(to) * 12);
  {
    auto converter = candidate.make(from, to);
    std::int64_t heard = 0;
    std::vector<int> arrival;
    for (int n = 0; n < from * 5 / 2; ++n) {
      converter->push(&noise[static_cast<std::size_t>(n % from)], 1, out);
      for (; heard < static_cast<std::int64_t>(out.size()); ++heard) {
        const auto at = heard * from / to;
        figures.lookahead = std::max(figures.lookahead, static_cast<int>(n - at));
        arrival.push_back(n);
      }
    }
    const int common = std::gcd(from, to);
    const auto p = static_cast<std::size_t>(to / common);
    for (std::size_t m = 0; m + p < arrival.size(); ++m) {
      figures.regular = figures.regular && arrival[m + p] - arrival[m] == from / common;
    }
  }
  // Cutting.
  {
    auto whole = candidate.make(from, to);
    std::vector<float> first, second;
    whole->push(noise.data(), from, first);
    auto cut = candidate.make(from, to);
    std::mt19937 random(2);
    for (int n = 0; n < from;) {
      const int take = std::min(from - n, static_cast<int>(random() % 700));
      cut->push(noise.data() + n, take, second);
      n += take;
    }
    figures.same_when_cut =
        first.size() == second.size() &&
        std::memcmp(first.data(), second.data(), first.size() * sizeof(float)) == 0;
  }
  // Allocations in 10 s, in blocks of 64.
  {
    auto converter = candidate.make(from, to);
    out.clear();
    const long before = allocations.load();
    for (int second = 0; second < 10; ++second) {
      for (int n = 0; n + 64 <= from; n += 64) converter->push(noise.data() + n, 64, out);
    }
    figures.allocations = allocations.load() - before;
  }
  return figures;
}

// Median cost of each candidate, measured in turns so that a busy machine hits all alike.
void time_all(const std::vector<Candidate>& list, int from, int to, std::vector<Figures>& figures) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> noise(static_cast<std::size_t>(from / 16));
  for (float& v : noise) v = uniform(random);
  std::vector<float> out;
  out.reserve(static_cast<std::size_t>(to) * 2);
  std::vector<std::vector<double>> costs(list.size());
  std::vector<std::unique_ptr<Converter>> converters;
  converters.reserve(list.size());
  for (const auto& candidate : list) converters.push_back(candidate.make(from, to));
  for (int round = 0; round < 31; ++round) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      out.clear();
      const auto start = std::chrono::steady_clock::now();
      for (std::size_t n = 0; n + 64 <= noise.size(); n += 64) {
        converters[i]->push(noise.data() + n, 64, out);
      }
      const std::chrono::duration<double, std::nano> took =
          std::chrono::steady_clock::now() - start;
      if (round > 0)
        costs[i].push_back(took.count() / (noise.size() * static_cast<double>(to) / from));
    }
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    std::sort(costs[i].begin(), costs[i].end());
    figures[i].cost = costs[i][costs[i].size() / 2];
  }
}

struct Drift {
  double samples;  // how much later a tone is after 10 minutes than at the start
  std::int64_t count;
};

Drift drift(const Candidate& candidate, int from, int to) {
  auto converter = candidate.make(from, to);
  const double cycles = 997.0 / from;
  std::vector<float> in(static_cast<std::size_t>(from)), out, start;
  std::int64_t count = 0;
  double first = 0, last = 0;
  for (int second = 0; second < 600; ++second) {
    // 997 Hz: a whole number of cycles in a second, so that every second is the same.
    if (second == 0) in = tone(cycles, in.size());
    out.clear();
    converter->push(in.data(), from, out);
    if (second == 1 || second == 599) {
      const double offset = std::fmod(997.0 / to * static_cast<double>(count), 1.0);
      const Fit got = fit(out, 0, out.size(), 997.0 / to);
      const double phase = std::remainder(got.phase / (2 * kPi) - offset, 1.0);
      (second == 1 ? first : last) = phase;
    }
    count += static_cast<std::int64_t>(out.size());
  }
  return {-std::remainder(last - first, 1.0) * to / 997.0, count};
}

void row(const std::string& name, const Figures& f, int from) {
  char alias[16] = "none";  // upwards there is nothing above the lower Nyquist frequency to alias
  if (f.alias > -299) std::snprintf(alias, sizeof alias, "%.1f", f.alias);
  std::printf(
      "| %s | %s | %.1f | %.1f | %.3f | %.3f | %.4f | %d (%.2f ms) | %.0f | %s | %s | %ld |\n",
      name.c_str(), alias, f.image, f.image_full, f.stop, f.ripple, f.offset, f.lookahead,
      1000.0 * f.lookahead / from, f.cost, f.regular ? "yes" : "no", f.same_when_cut ? "yes" : "NO",
      f.allocations);
}

constexpr const char* kHeader =
    "| | alias dB | image dB (to 0.9) | image dB (to 1.0) | stopband from | passband ±dB | late by "
    "(samples) | look-ahead, input frames | ns per frame | exact schedule | same when cut | "
    "allocations |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|\n";

}  // namespace

int main(int argc, char** argv) {
  const bool summary = argc > 1 && std::strcmp(argv[1], "--summary") == 0;
  const auto list = candidates();
  std::vector<std::pair<int, int>> pairs;
  for (const int model : {44100, 48000}) {
    for (const int host : {22050, 44100, 48000, 88200, 96000}) {
      if (host == model) continue;
      pairs.emplace_back(host, model);
      pairs.emplace_back(model, host);
    }
  }
  std::sort(pairs.begin(), pairs.end());
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  pairs.emplace_back(44101, 48000);  // no small ratio
  pairs.emplace_back(48000, 44101);

  std::vector<std::vector<Figures>> all;
  for (const auto& [from, to] : pairs) {
    std::vector<Figures> figures;
    figures.reserve(list.size());
    for (const auto& candidate : list) figures.push_back(measure(candidate, from, to));
    time_all(list, from, to, figures);
    all.push_back(std::move(figures));
    std::fprintf(stderr, "%d -> %d\n", from, to);
  }

  std::printf("## Worst case over all pairs\n\n%s", kHeader);
  for (std::size_t i = 0; i < list.size(); ++i) {
    Figures worst;
    double longest = 0;
    int of = 1;
    for (std::size_t p = 0; p < pairs.size(); ++p) {
      const Figures& f = all[p][i];
      worst.alias = std::max(worst.alias, f.alias);
      worst.image = std::max(worst.image, f.image);
      worst.image_full = std::max(worst.image_full, f.image_full);
      worst.stop = std::max(worst.stop, f.stop);
      worst.ripple = std::max(worst.ripple, f.ripple);
      if (std::abs(f.offset) > std::abs(worst.offset)) worst.offset = f.offset;
      worst.cost = std::max(worst.cost, f.cost);
      worst.regular = worst.regular && f.regular;
      worst.same_when_cut = worst.same_when_cut && f.same_when_cut;
      worst.allocations = std::max(worst.allocations, f.allocations);
      if (static_cast<double>(f.lookahead) / pairs[p].first > longest) {
        longest = static_cast<double>(f.lookahead) / pairs[p].first;
        worst.lookahead = f.lookahead;
        of = pairs[p].first;
      }
    }
    row(list[i].name, worst, of);
  }

  std::printf("\n## Drift over 10 minutes, 44100 -> 48000, a tone of 997 Hz\n\n");
  std::printf("| | late at the end by (samples) | frames out |\n|---|---|---|\n");
  for (const auto& candidate : list) {
    const Drift d = drift(candidate, 44100, 48000);
    std::printf("| %s | %.6f | %lld |\n", candidate.name.c_str(), d.samples,
                static_cast<long long>(d.count));
  }
  if (summary) return 0;
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    std::printf("\n## %d -> %d\n\n%s", pairs[p].first, pairs[p].second, kHeader);
    for (std::size_t i = 0; i < list.size(); ++i) {
      row(list[i].name, all[p][i], pairs[p].first);
    }
  }
  return 0;
}
