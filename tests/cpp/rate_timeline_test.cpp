// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "rate/resampler.hpp"
#include "rate/timeline.hpp"

namespace {

using nnbridge::rate::Resampler;
using nnbridge::rate::Signal;
using nnbridge::rate::Timeline;
using nnbridge::rate::TimelineConfig;
using std::int64_t;

std::string describe(const TimelineConfig& c) {
  const auto word = [](Signal s) { return s == Signal::kAudio ? " audio" : " latent"; };
  return std::to_string(c.host_rate) + " Hz host, " + std::to_string(c.model_rate) +
         " Hz model, block " + std::to_string(c.block) + "," + word(c.input) + " in," +
         word(c.output) + " out";
}

// Host frames that must arrive before `blocks` blocks can run, counted one frame at a time.
std::vector<int64_t> simulate_inputs(const TimelineConfig& c, int blocks) {
  std::vector<int64_t> needed;
  Resampler resampler(c.host_rate, c.model_rate, 1);
  int64_t model_frames = 0;
  std::vector<float> sink(1 << 16);
  float* out = sink.data();
  const float zero = 0;
  const float* in = &zero;
  for (int64_t n = 0; static_cast<int>(needed.size()) < blocks; ++n) {
    if (c.input == Signal::kLatent) {
      // Model frame j takes the last host frame that is not later than it, so it is served as soon
      // as the frame to come next, n + 1, is later: floor((n + 1) p/q) > j.
      while ((n + 1) * c.model_rate / c.host_rate > model_frames) ++model_frames;
    } else {
      model_frames += resampler.process(&in, 1, &out, 1 << 16).produced;
    }
    while (static_cast<int>(needed.size()) < blocks &&
           model_frames >= (static_cast<int64_t>(needed.size()) + 1) * c.block) {
      needed.push_back(n + 1);
    }
  }
  return needed;
}

// Host frames of output after 0, 1, ... `blocks` blocks.
std::vector<int64_t> simulate_outputs(const TimelineConfig& c, int blocks) {
  std::vector<int64_t> ready{0};
  Resampler resampler(c.model_rate, c.host_rate, 1);
  std::vector<float> sink(1 << 18);
  float* out = sink.data();
  const std::vector<float> zeros(static_cast<std::size_t>(c.block));
  const float* in = zeros.data();
  int64_t host_frames = 0;
  for (int64_t k = 1; k <= blocks; ++k) {
    if (c.output == Signal::kLatent) {
      while (host_frames * c.model_rate / c.host_rate < k * c.block) ++host_frames;
    } else {
      host_frames += resampler.process(&in, static_cast<int>(c.block), &out, 1 << 18).produced;
    }
    ready.push_back(host_frames);
  }
  return ready;
}

// The delay that a host with calls of these lengths observes to be necessary: after each call, the
// output up to the call's end must be there.
int64_t simulate_latency(const Timeline& timeline, int64_t frames, int64_t granularity) {
  int64_t worst = 0;
  int64_t block = 0;
  for (int64_t end = granularity; end <= frames; end += granularity) {
    while (timeline.inputs_needed(block) <= end) ++block;
    worst = std::max(worst, end - timeline.outputs_ready(block));
  }
  return worst;
}

constexpr int kRates[] = {8000, 16000, 22050, 32000, 44100, 44101, 48000, 88200, 96000, 192000};

}  // namespace

TEST(Timeline, WithoutResamplingABlockNeedsItsOwnFramesAndNoMore) {
  for (const int64_t block : {1, 7, 64, 2048}) {
    for (const Signal in : {Signal::kAudio, Signal::kLatent}) {
      for (const Signal out : {Signal::kAudio, Signal::kLatent}) {
        const Timeline timeline({44100, 44100, block, in, out});
        EXPECT_FALSE(timeline.resamples());
        for (int64_t k = 0; k < 50; ++k) {
          EXPECT_EQ(timeline.inputs_needed(k), (k + 1) * block);
          EXPECT_EQ(timeline.outputs_ready(k), k * block);
        }
        for (const int64_t n : {1, 2, 32, 64, 479, 512, 2048, 4096}) {
          EXPECT_EQ(timeline.latency(n), block - std::gcd(block, n)) << block << " " << n;
        }
      }
    }
  }
}

TEST(Timeline, TellsWhenEachBlockCanRunAndWhatItYieldsForEveryPairOfRates) {
  std::mt19937 random(11);
  for (int trial = 0; trial < 200; ++trial) {
    TimelineConfig c;
    c.host_rate = kRates[random() % std::size(kRates)];
    c.model_rate = kRates[random() % std::size(kRates)];
    if (trial % 25 == 0) c.host_rate = 1 + static_cast<int>(random() % 50000);
    if (c.host_rate < c.model_rate / 30) continue;
    c.block = 1 + random() % (trial % 2 == 0 ? 40 : 700);
    c.input = random() % 3 == 0 ? Signal::kLatent : Signal::kAudio;
    c.output = random() % 3 == 0 ? Signal::kLatent : Signal::kAudio;
    const Timeline timeline(c);
    const auto needed = simulate_inputs(c, 25);
    const auto ready = simulate_outputs(c, 25);
    EXPECT_EQ(timeline.inputs_needed(-1), 0);
    for (int k = 0; k < 25; ++k) {
      ASSERT_EQ(timeline.inputs_needed(k), needed[static_cast<std::size_t>(k)])
          << describe(c) << " k " << k;
      ASSERT_EQ(timeline.outputs_ready(k), ready[static_cast<std::size_t>(k)])
          << describe(c) << " k " << k;
      ASSERT_LE(timeline.inputs_needed(k) - timeline.inputs_needed(k - 1), timeline.most_inputs());
      ASSERT_LE(timeline.outputs_ready(k + 1) - timeline.outputs_ready(k), timeline.most_outputs());
    }
  }
}

TEST(Timeline, LatencyIsExactlyWhatAHostNeedsForCallsOfAnyOneLength) {
  std::mt19937 random(12);
  for (int trial = 0; trial < 400; ++trial) {
    TimelineConfig c;
    c.host_rate = 1 + static_cast<int>(random() % 20);
    c.model_rate = 1 + static_cast<int>(random() % 20);
    c.block = 1 + random() % 30;
    c.input = random() % 3 == 0 ? Signal::kLatent : Signal::kAudio;
    c.output = random() % 3 == 0 ? Signal::kLatent : Signal::kAudio;
    const int64_t granularity = 1 + random() % 20;
    const Timeline timeline(c);
    // Two full periods of all three lengths, after the kernels have filled.
    const int64_t period = int64_t{c.host_rate} * c.block * granularity;
    const int64_t reach = 2 * (timeline.inputs_needed(200) + 4000);
    EXPECT_EQ(timeline.latency(granularity),
              simulate_latency(timeline, 2 * period + reach, granularity))
        << describe(c) << " N " << granularity;
  }
}

TEST(Timeline, LatencyHoldsForTheRatesThatHostsHave) {
  for (const int host : {22050, 44100, 48000, 88200, 96000}) {
    for (const int model : {44100, 48000}) {
      for (const int64_t n : {1, 32, 64, 479, 512, 2048}) {
        const TimelineConfig c{host, model, 2048, Signal::kAudio, Signal::kAudio};
        const Timeline timeline(c);
        const int64_t latency = timeline.latency(n);
        const int64_t seen = simulate_latency(timeline, n == 1 ? 400000 : 20000000, n);
        EXPECT_LE(seen, latency) << describe(c) << " N " << n;
        // 320 blocks hold every case of N = 1, and 7 minutes of audio all but the rarest.
        EXPECT_GE(seen, latency - (n == 1 ? 0 : 1)) << describe(c) << " N " << n;
        EXPECT_LE(latency, timeline.latency(1));
      }
    }
  }
}

TEST(Timeline, LatencyForCallsOfAnyLengthCoversEveryMixtureOfLengths) {
  std::mt19937 random(13);
  for (const int host : {22050, 44100, 48000, 96000, 44101}) {
    const TimelineConfig c{host, 44100, 512, Signal::kAudio, Signal::kAudio};
    const Timeline timeline(c);
    const int64_t latency = timeline.latency(1);
    int64_t block = 0;
    for (int64_t end = 0; end < 3000000;) {
      end += 1 + static_cast<int64_t>(random() % 700);
      while (timeline.inputs_needed(block) <= end) ++block;
      ASSERT_LE(end - timeline.outputs_ready(block), latency) << describe(c);
    }
  }
}

TEST(Timeline, DoesNotDriftInTenYears) {
  const TimelineConfig c{44101, 48000, 2048, Signal::kAudio, Signal::kLatent};
  const Timeline timeline(c);
  // After 48000 blocks exactly 44101 * 2048 host frames have passed, however often.
  for (const int64_t turns : {int64_t{1}, int64_t{1000}, int64_t{160000}}) {
    const int64_t host_frames = turns * 44101 * 2048;
    for (int64_t k = 7; k < 4711; ++k) {
      ASSERT_EQ(timeline.inputs_needed(k + turns * 48000), timeline.inputs_needed(k) + host_frames);
      ASSERT_EQ(timeline.outputs_ready(k + turns * 48000), timeline.outputs_ready(k) + host_frames);
    }
  }
}

TEST(Timeline, ALatentStepShowsFromItsOwnTimeAndIsReadJustBeforeTheNext) {
  for (const int host : {22050, 44100, 44101, 48000, 96000}) {
    const Timeline timeline({host, 44100, 4096, Signal::kLatent, Signal::kLatent});
    for (const int64_t ratio : {1, 3, 512, 2048}) {
      for (int64_t step = 0; step < 60; ++step) {
        const int64_t first = timeline.first_host_frame(step, ratio);
        // The first host frame not before the step's time, by definition.
        EXPECT_GE(first * 44100, step * ratio * host);
        EXPECT_LT((first - 1) * 44100, step * ratio * host);
        EXPECT_EQ(timeline.last_host_frame(step, ratio),
                  timeline.first_host_frame(step + 1, ratio) - 1);
        // The last host frame n with floor(n p/q) <= (s+1) R - 1, by search.
        int64_t n = first > 0 ? first - 1 : 0;
        while ((n + 1) * 44100 / host <= (step + 1) * ratio - 1) ++n;
        EXPECT_EQ(timeline.last_host_frame(step, ratio), n);
        if (timeline.last_host_frame(step, ratio) >= first) {
          EXPECT_EQ(timeline.step_at(first, ratio), step);
          EXPECT_EQ(timeline.step_at(timeline.last_host_frame(step, ratio), ratio), step);
        }
      }
    }
  }
}

TEST(Timeline, EveryLatentStepOfABlockIsKnownWhenTheBlockRuns) {
  for (const int host : {22050, 44100, 44101, 48000, 96000}) {
    const Timeline timeline({host, 48000, 4096, Signal::kLatent, Signal::kLatent});
    for (int64_t k = 0; k < 100; ++k) {
      EXPECT_EQ(timeline.last_host_frame((k + 1) * 2 - 1, 2048) + 1, timeline.inputs_needed(k));
      EXPECT_EQ(timeline.first_host_frame(k * 2, 2048), timeline.outputs_ready(k));
    }
  }
}
