// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/player.hpp"

namespace nnbridge {
namespace {

using namespace test;

constexpr int kBlock = 512;

class Failures : public testing::TestWithParam<bool> {
 protected:
  StreamConfig config() const { return GetParam() ? realtime(kBlock) : offline(kBlock); }

  /// Plays `blocks` blocks from where the player is.
  static void play(Player& player, const Signal& in, int blocks) {
    for (int i = 0; i < blocks; ++i) {
      player.call(in, player.played(), kBlock);
      player.settle();
    }
  }

  /// y = x + y / 2, from rest.
  static std::vector<float> recurrent(const std::vector<float>& x, int begin, int end) {
    std::vector<float> out;
    float before = 0;
    for (int n = begin; n < end; ++n) {
      before = x[static_cast<std::size_t>(n)] + 0.5F * before;
      out.push_back(before);
    }
    return out;
  }
};

TEST_P(Failures, NanInARecurrentStateIsHealedAndCounted) {
  auto spec = stub::spec();
  spec.feedback = 0.5F;
  Fixture fixture(spec);
  const auto stream = fixture.stream(config());
  Player player(*stream);
  const auto in = noise(1, 20 * kBlock);
  play(player, in, 5);
  fixture.knobs().nan_next(1);
  play(player, in, 15);
  const auto stats = stream->stats();
  EXPECT_EQ(stats.failed, 1);
  EXPECT_EQ(stats.late, 0);
  EXPECT_EQ(stats.last_failure, "'forward' returned NaN or infinity.");

  const auto& heard = player.out()[0];
  for (const float sample : heard) ASSERT_TRUE(std::isfinite(sample));
  const int latency = stream->latency().stream;
  const auto before = recurrent(in[0], 0, 5 * kBlock);
  EXPECT_EQ(differs({{heard.begin(), heard.begin() + latency + 5 * kBlock}}, {before}, latency),
            "");
  // After the block and the fade: the model from its pristine state.
  const auto after = recurrent(in[0], 6 * kBlock, 20 * kBlock - latency);
  constexpr int kFade = 64;
  EXPECT_EQ(differs({{heard.begin() + latency + 6 * kBlock + kFade, heard.end()}},
                    {{after.begin() + kFade, after.end()}}, 0),
            "");
}

TEST_P(Failures, ValuesTooLargeToBeResampledAreNotHeard) {
  auto spec = stub::spec();
  spec.methods = {stub::method("forward", 1, 1, 2, 1)};  // unfiltered going in
  spec.sample_rate = 48000;
  spec.scale = std::numeric_limits<float>::max();
  Fixture fixture(spec);
  auto asked = config();
  asked.sample_rate = 44100;
  const auto stream = fixture.stream(asked);
  Player player(*stream);
  auto in = noise(1, 20 * kBlock);
  for (auto& sample : in[0]) sample = std::copysign(1.0F, sample);
  play(player, in, 20);
  for (const float sample : player.out()[0]) ASSERT_TRUE(std::isfinite(sample));
  EXPECT_GT(stream->stats().failed, 0);
}

TEST_P(Failures, HealingKeepsTheAttributes) {
  Fixture fixture(stub::spec());
  ASSERT_TRUE(fixture.model.set("gain", {0.5}));
  const auto stream = fixture.stream(config());
  Player player(*stream);
  const auto in = ramp(1, 20 * kBlock);
  ASSERT_TRUE(stream->set("offset", {8.0}).get());
  fixture.knobs().nan_next(1);
  play(player, in, 10);
  EXPECT_EQ(stream->stats().failed, 1);
  const auto at = static_cast<std::size_t>(4 * kBlock);
  const auto from = at - static_cast<std::size_t>(stream->latency().stream);
  EXPECT_EQ(player.out()[0][at], 0.5F * in[0][from] + 8.0F);
}

TEST_P(Failures, AModelThatFailsForEverIsSilentAndTheStreamGoesOn) {
  Fixture fixture(stub::spec());
  const auto stream = fixture.stream(config());
  Player player(*stream);
  const auto in = noise(1, 40 * kBlock);
  fixture.knobs().fail_next(1000000);
  play(player, in, 40);
  EXPECT_EQ(stream->stats().failed, 40);
  EXPECT_EQ(differs(player.out(), silence(1, 40 * kBlock), 0), "");
}

TEST_P(Failures, NanFromTheHostIsNotPassedOn) {
  Fixture fixture(stub::spec());
  const auto stream = fixture.stream(config());
  Player player(*stream);
  auto in = noise(1, 10 * kBlock);
  in[0][3 * kBlock + 5] = std::numeric_limits<float>::quiet_NaN();
  in[0][6 * kBlock] = std::numeric_limits<float>::infinity();
  play(player, in, 10);
  EXPECT_EQ(stream->stats().failed, 2);
  for (const float sample : player.out()[0]) ASSERT_TRUE(std::isfinite(sample));
}

TEST_P(Failures, OfAResampledStreamFadeToo) {
  auto spec = stub::spec();
  spec.sample_rate = 48000;
  Fixture fixture(spec);
  auto asked = config();
  asked.sample_rate = 44100;
  asked.deadline.reset();
  const auto stream = fixture.stream(asked);
  Player player(*stream);
  Signal in = silence(1, 40 * kBlock);
  for (auto& sample : in[0]) sample = 0.5F;
  play(player, in, 20);
  fixture.knobs().nan_next(1);
  play(player, in, 20);
  EXPECT_EQ(stream->stats().failed, 1);
  EXPECT_LE(largest_step(player.out()[0], 10 * kBlock, 40 * kBlock), 0.012F);
  EXPECT_NEAR(player.out()[0].back(), 0.5F, 1e-4F);
}

INSTANTIATE_TEST_SUITE_P(Mode, Failures, testing::Bool(),
                         [](const testing::TestParamInfo<bool>& test) {
                           return test.param ? "realtime" : "offline";
                         });

TEST(FailureToPrepare, OfAModelThatFailsOnSilenceSaysSo) {
  Fixture fixture(stub::spec());
  fixture.knobs().fail_next(1);
  const auto stream = Stream::prepare(fixture.model, offline());
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().message,
            "'forward' failed on a block of silence (The stub was told to fail.).");
  EXPECT_EQ(fixture.knobs().live(), 1) << "the model's own";
}

TEST(FailureToPrepare, OfAModelThatCanNotBeResetSaysSo) {
  Fixture fixture(stub::spec());
  fixture.knobs().fail_resets(true);
  const auto stream = Stream::prepare(fixture.model, offline());
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().message, "The stub was told not to reset.");
  EXPECT_EQ(fixture.knobs().live(), 1);
}

}  // namespace
}  // namespace nnbridge
