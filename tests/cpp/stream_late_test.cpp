// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "support/player.hpp"

namespace nnbridge {
namespace {

using namespace test;

constexpr int kBlock = 512;
constexpr int kFade = 64;

/// What must be heard, after the latency: `wet` where `good` says so, else `dry`; from one to the
/// other in 64 frames, the last good sample held while it fades.
Signal concealed(const Signal& wet, const Signal& dry, const std::function<bool(int)>& good) {
  Signal out = wet;
  for (std::size_t row = 0; row < wet.size(); ++row) {
    int level = kFade;
    float last = 0;
    for (std::size_t n = 0; n < wet[row].size(); ++n) {
      const bool here = good(static_cast<int>(n));
      level = std::clamp(level + (here ? 1 : -1), 0, kFade);
      if (here) last = wet[row][n];
      const float gain = static_cast<float>(level) / kFade;
      out[row][n] = level == kFade ? last : dry[row][n] + gain * (last - dry[row][n]);
    }
  }
  return out;
}

Signal doubled(Signal signal) {
  for (auto& row : signal) {
    for (auto& sample : row) sample *= 2;
  }
  return signal;
}

/// A realtime stream in calls of N, whose worker is held from the call that completes a block on.
class Stuck {
 public:
  Stuck(const StreamConfig& config, const Signal& in, int size, const stub::Spec& spec)
      : fixture(spec), stream(fixture.stream(config)), player(*stream), in_(in), size_(size) {}

  /// Calls up to frame `end`, each on time.
  void play_to(int end) {
    for (; player.played() < end; player.settle()) call();
  }
  /// The call that completes the block that ends at frame `end`: the worker takes it and is held.
  void hold_from(int end) {
    play_to(end - size_);
    fixture.knobs().close_gate();
    call();
    fixture.knobs().wait_until_held();
  }
  /// Calls while it is held, and then time for the worker to catch up.
  void stay_for(int calls) {
    for (int i = 0; i < calls; ++i) call();
    fixture.knobs().open_gate();
    player.settle();
  }
  /// The output frame, after the latency, that comes next.
  int next() const { return player.played() - stream->latency().stream; }

  Fixture fixture;
  std::unique_ptr<Stream> stream;
  Player player;

 private:
  void call() { player.call(in_, player.played(), std::min(size_, left())); }
  int left() const { return static_cast<int>(in_[0].size()) - player.played(); }

  const Signal& in_;
  int size_;
};

constexpr int kHeldBlock = 10;
constexpr int kHeldBegin = kHeldBlock * kBlock;
constexpr int kHeldEnd = kHeldBegin + kBlock;
constexpr int kFrames = 60 * kBlock;

class LatePolicies : public testing::TestWithParam<LatePolicy> {
 protected:
  StreamConfig config(int size) const {
    auto made = realtime(size);
    made.late = GetParam();
    return made;
  }
  Signal replacement(const Signal& in) const {
    return GetParam() == LatePolicy::kDry ? in : silence(static_cast<int>(in.size()), kFrames);
  }
  static stub::Spec stereo() {
    auto spec = stub::spec();
    spec.methods = {stub::method("forward", 2, 2)};
    spec.scale = 2;
    return spec;
  }
};

TEST_P(LatePolicies, TheReplacementIsHeardInsteadOfALateBlock) {
  const auto in = noise(2, kFrames);
  Stuck stuck(config(512), in, 512, stereo());
  stuck.hold_from(kHeldEnd);
  stuck.stay_for(2);
  const int resumed = stuck.next();
  EXPECT_GT(resumed, kHeldEnd);
  stuck.play_to(kFrames);
  const auto good = [&](int n) { return n < kHeldBegin || n >= resumed; };
  EXPECT_EQ(differs(stuck.player.out(), concealed(doubled(in), replacement(in), good),
                    stuck.stream->latency().stream),
            "");
  EXPECT_EQ(stuck.stream->stats().late, 2);
  EXPECT_EQ(stuck.stream->stats().failed, 0);
}

TEST_P(LatePolicies, ABlockThatComesMidwayIsHeardFromThereAndCountedOnce) {
  for (const int late_calls : {1, 2, 3, 6}) {
    const auto in = noise(2, kFrames);
    Stuck stuck(config(64), in, 64, stereo());
    stuck.hold_from(kHeldEnd);
    stuck.stay_for(late_calls);
    const int resumed = stuck.next();
    EXPECT_GT(resumed, kHeldBegin);
    EXPECT_LT(resumed, kHeldEnd);
    stuck.play_to(kFrames);
    const auto good = [&](int n) { return n < kHeldBegin || n >= resumed; };
    EXPECT_EQ(differs(stuck.player.out(), concealed(doubled(in), replacement(in), good),
                      stuck.stream->latency().stream),
              "")
        << late_calls;
    EXPECT_EQ(stuck.stream->stats().late, 1) << late_calls;
  }
}

TEST_P(LatePolicies, AWorkerStuckForManyBlocksLosesInputAndPicksUpInPlace) {
  const auto in = noise(2, kFrames);
  Stuck stuck(config(512), in, 512, stereo());
  stuck.hold_from(kHeldEnd);
  stuck.stay_for(39);
  stuck.play_to(kFrames);
  // The first block after those that found no room; those before it were never run.
  constexpr int kResumed = (kHeldBlock + 40) * kBlock;
  const auto good = [&](int n) { return n < kHeldBegin || n >= kResumed; };
  EXPECT_EQ(differs(stuck.player.out(), concealed(doubled(in), replacement(in), good),
                    stuck.stream->latency().stream),
            "");
  EXPECT_EQ(stuck.stream->stats().late, 40);
  EXPECT_EQ(stuck.stream->stats().blocks, kFrames / kBlock - 39);
}

TEST_P(LatePolicies, FadesWithoutAClick) {
  Signal in = silence(2, kFrames);
  for (auto& row : in) std::fill(row.begin(), row.end(), 0.5F);
  Stuck stuck(config(64), in, 64, stereo());
  stuck.hold_from(kHeldEnd);
  stuck.stay_for(20);
  stuck.play_to(kFrames);
  const int begin = stuck.stream->latency().stream + kHeldBegin;
  EXPECT_LE(largest_step(stuck.player.out()[0], begin, kFrames), 1.001F / kFade);
}

TEST_P(LatePolicies, TheFirstBlockMayBeLateToo) {
  const auto in = noise(2, kFrames);
  Stuck stuck(config(512), in, 512, stereo());
  stuck.hold_from(kBlock);
  stuck.stay_for(2);
  const int resumed = stuck.next();
  stuck.play_to(kFrames);
  const auto good = [&](int n) { return n >= resumed; };
  EXPECT_EQ(differs(stuck.player.out(), concealed(doubled(in), replacement(in), good),
                    stuck.stream->latency().stream),
            "");
  EXPECT_EQ(stuck.stream->stats().late, 2);
}

TEST_P(LatePolicies, AreHeardWhenAModelFails) {
  for (const bool on_worker : {false, true}) {
    const auto in = noise(2, kFrames);
    Fixture fixture(stereo());
    auto asked = config(512);
    if (!on_worker) {
      asked.realtime = false;
      asked.deadline.reset();
    }
    const auto stream = fixture.stream(asked);
    Player player(*stream);
    player.play(in, std::vector<int>(kHeldBlock, 512));
    fixture.knobs().fail_next(2);
    for (int call = kHeldBlock; call < kFrames / 512; ++call) {
      player.call(in, call * 512, 512);
      player.settle();
    }
    const auto good = [](int n) { return n < kHeldBegin || n >= kHeldEnd + kBlock; };
    EXPECT_EQ(differs(player.out(), concealed(doubled(in), replacement(in), good),
                      stream->latency().stream),
              "");
    const auto stats = stream->stats();
    EXPECT_EQ(stats.failed, 2);
    EXPECT_EQ(stats.late, 0) << "a failure is no lateness";
    EXPECT_EQ(stats.blocks, kFrames / kBlock);
    EXPECT_EQ(stats.last_failure, "The stub was told to fail.");
  }
}

INSTANTIATE_TEST_SUITE_P(Policy, LatePolicies,
                         testing::Values(LatePolicy::kSilence, LatePolicy::kDry),
                         [](const testing::TestParamInfo<LatePolicy>& test) {
                           return test.param == LatePolicy::kDry ? "dry" : "silence";
                         });

TEST(DryPolicy, IsDelayedByTheModelsDelayToo) {
  auto spec = stub::spec();
  spec.delay = 700;
  spec.methods[0].delay = 700;
  const auto in = noise(1, kFrames);
  for (const int held_block : {0, 1, 2, 10}) {
    auto config = realtime(64);
    config.late = LatePolicy::kDry;
    Stuck stuck(config, in, 64, spec);
    stuck.hold_from((held_block + 1) * kBlock);
    stuck.stay_for(30);
    stuck.play_to(kFrames);
    // Dry and wet are the same samples at the same time, so once the fades are over nobody can
    // tell.
    const auto& heard = stuck.player.out()[0];
    const int total = stuck.stream->latency().total();
    const int begin = stuck.stream->latency().stream + held_block * kBlock;
    EXPECT_GE(stuck.stream->stats().late, 1);
    int wrong = 0;
    for (int n = begin + kFade; n < begin + kBlock; ++n) {
      const float wanted = n < total ? 0.0F : in[0][static_cast<std::size_t>(n - total)];
      wrong += heard[static_cast<std::size_t>(n)] != wanted;
    }
    EXPECT_EQ(wrong, 0) << held_block;
  }
}

TEST(DryPolicy, PassesOnNoNanOfTheHost) {
  Fixture fixture(stub::spec());
  auto config = realtime(kBlock);
  config.late = LatePolicy::kDry;
  const auto stream = fixture.stream(config);
  auto in = noise(1, 12 * kBlock);
  in[0][5 * kBlock + 7] = std::numeric_limits<float>::quiet_NaN();
  in[0][6 * kBlock + 7] = std::numeric_limits<float>::infinity();
  const auto heard = run(*stream, in, cut(12 * kBlock, kBlock));
  for (const float sample : heard[0]) ASSERT_TRUE(std::isfinite(sample));
  EXPECT_EQ(stream->stats().failed, 2);
}

TEST(DryPolicy, GivesEveryOutputAnInputOfItsOwnItem) {
  auto spec = stub::spec();
  spec.methods = {stub::method("forward", 2, 3)};
  auto config = realtime(512);
  config.late = LatePolicy::kDry;
  config.batch = 2;
  const auto in = ramp(4, kFrames);
  Stuck stuck(config, in, 512, spec);
  stuck.hold_from(kHeldEnd);
  stuck.stay_for(3);
  const auto& heard = stuck.player.out();
  const int latency = stuck.stream->latency().stream;
  const int at = kHeldBegin + kFade + 10;
  const std::size_t inputs[] = {0, 1, 0, 2, 3, 2};
  for (std::size_t row = 0; row < 6; ++row) {
    EXPECT_EQ(heard[row][static_cast<std::size_t>(at + latency)],
              in[inputs[row]][static_cast<std::size_t>(at)])
        << row;
  }
}

TEST(LateBlocks, OfAResampledStreamLeaveTheTimeAxesWhereTheyWere) {
  auto spec = stub::spec();
  spec.sample_rate = 44100;
  auto config = realtime(479);
  config.sample_rate = 48000;
  const auto in = noise(1, kFrames);
  Fixture fixture(spec);
  const auto on_time = fixture.stream(config);
  const auto reference = run(*on_time, in, cut(kFrames, 479));
  for (const int calls : {3, 40}) {
    Stuck stuck(config, in, 479, spec);
    stuck.play_to(5000);
    stuck.fixture.knobs().close_gate();
    stuck.stay_for(calls);
    // From here on in time, but for the blocks that were lost and the reach of the filters.
    const int settled = stuck.player.played() + stuck.stream->latency().stream + 2 * 600;
    stuck.play_to(kFrames);
    EXPECT_GE(stuck.stream->stats().late, 1);
    const auto from = static_cast<std::size_t>(settled);
    const std::vector<float> heard(stuck.player.out()[0].begin() + settled,
                                   stuck.player.out()[0].end());
    ASSERT_LT(from, reference[0].size());
    EXPECT_EQ(differs({heard}, {{reference[0].begin() + settled, reference[0].end()}}, 0), "");
  }
}

TEST(LateBlocks, OfAResampledStreamEndWithoutAClick) {
  for (const auto& [host_rate, model_rate] :
       {std::pair(48000, 44100), std::pair(44100, 96000), std::pair(96000, 44100)}) {
    for (const int block : {64, 512}) {
      auto spec = stub::spec();
      spec.sample_rate = model_rate;
      auto config = realtime(64);
      config.sample_rate = host_rate;
      config.block = block;
      config.deadline = 26;
      Signal in = silence(1, kFrames);
      for (auto& sample : in[0]) sample = 0.5F;
      for (const int calls : {3, 9, 40}) {
        Stuck stuck(config, in, 26, spec);
        stuck.play_to(10000);
        stuck.fixture.knobs().close_gate();
        stuck.stay_for(calls * 4);
        stuck.play_to(20000);
        EXPECT_LE(largest_step(stuck.player.out()[0], 8000, 20000), 0.55F / kFade)
            << host_rate << " " << block << " " << calls;
        EXPECT_NEAR(stuck.player.out()[0].back(), 0.5F, 1e-4F);
      }
    }
  }
}

TEST(LateBlocks, AreNeverHiddenByAReadOfTheFigures) {
  const auto in = noise(1, kFrames);
  Stuck stuck(realtime(512), in, 512, stub::spec());
  stuck.hold_from(kHeldEnd);
  stuck.stay_for(2);
  EXPECT_EQ(stuck.stream->stats().late, 2);
  EXPECT_EQ(stuck.stream->stats().late, 2);
  stuck.stream->reset();
  EXPECT_EQ(stuck.stream->stats().late, 0);
}

}  // namespace
}  // namespace nnbridge
