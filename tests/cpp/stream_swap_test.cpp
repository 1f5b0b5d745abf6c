// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "support/player.hpp"

namespace nnbridge {
namespace {

using namespace test;

constexpr int kCall = 64;
constexpr int kFrames = 200 * kCall;
constexpr int kFade = 441;  // 10 ms

stub::Spec scaled(float scale) {
  auto spec = stub::spec();
  spec.scale = scale;
  return spec;
}

class Swap : public testing::TestWithParam<bool> {
 protected:
  static StreamConfig config(int block = 512) {
    auto made = GetParam() ? realtime(kCall) : offline(kCall);
    made.block = block;
    return made;
  }

  static void play(Player& player, const Signal& in, int calls) {
    for (int i = 0; i < calls; ++i) {
      player.call(in, player.played(), kCall);
      player.settle();
    }
  }

  /// Plays until the stream says that the new model is all that is heard.
  static void play_until_settled(Stream& stream, Player& player, const Signal& in) {
    for (int calls = 0; !stream.settled(); ++calls) {
      ASSERT_LT(calls, 100);
      play(player, in, 1);
    }
  }
};

TEST_P(Swap, PlaysTheNewModelExactlyInPlaceAndFreesTheOld) {
  Fixture old(scaled(1));
  Fixture fresh(scaled(-0.5F));
  const auto in = noise(1, kFrames);
  const auto stream = old.stream(config());
  Player player(*stream);
  play(player, in, 20);
  ASSERT_TRUE(stream->swap(fresh.model, config(128)));
  EXPECT_FALSE(stream->settled());
  EXPECT_EQ(stream->latency().stream, 127 + (GetParam() ? kCall : 0));
  EXPECT_EQ(stream->config().block, 128);
  play_until_settled(*stream, player, in);
  EXPECT_EQ(old.knobs().live(), 1) << "the model's own instance";
  const int settled = player.played();
  play(player, in, 100);
  auto wanted = in;
  for (auto& sample : wanted[0]) sample *= -0.5F;
  const auto& heard = player.out()[0];
  const int latency = stream->latency().stream;
  EXPECT_EQ(differs({{heard.begin() + settled, heard.end()}},
                    {{wanted[0].begin() + settled - latency, wanted[0].end()}}, 0),
            "");
  EXPECT_EQ(stream->stats().late, 0);
}

TEST_P(Swap, WithoutAClick) {
  Fixture old(scaled(1));
  Fixture fresh(scaled(-1));
  Signal in = silence(1, kFrames);
  for (auto& sample : in[0]) sample = 0.5F;
  auto patient = config();
  if (GetParam()) patient.deadline = patient.block;
  const auto stream = old.stream(patient);
  Player player(*stream);
  play(player, in, 40);
  const int begin = player.played();
  ASSERT_TRUE(stream->swap(fresh.model, config(128)));
  for (int calls = 0; !stream->settled() && calls < 100; ++calls) {
    play(player, in, 1);
  }
  play(player, in, 20);
  EXPECT_LE(largest_step(player.out()[0], begin, player.played()), 1.01F / kFade);
  EXPECT_EQ(player.out()[0][static_cast<std::size_t>(begin)], 0.5F);
  EXPECT_EQ(player.out()[0].back(), -0.5F);
}

TEST(SwapRealtime, CountsAsPendingWhatTheOldModelHasToDo) {
  Fixture old(scaled(1));
  Fixture fresh(scaled(-1));
  const auto in = noise(1, kFrames);
  const auto stream = old.stream(realtime(kCall));
  Player player(*stream);
  player.play(in, std::vector<int>(20, kCall));
  ASSERT_TRUE(stream->swap(fresh.model, realtime(kCall)));
  old.knobs().close_gate();
  for (int i = 0; i < 16; ++i) player.call(in, player.played(), kCall);
  old.knobs().wait_until_held();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // for the new model to be done
  EXPECT_GT(stream->stats().pending, 0);
  old.knobs().open_gate();
  player.settle();
  EXPECT_EQ(stream->stats().pending, 0);
}

TEST(SwapOffline, CrossfadesForTenMillisecondsFromWhereTheNewModelSounds) {
  Fixture old(scaled(1));
  Fixture fresh(scaled(-0.3F));
  const auto in = noise(1, kFrames);
  const auto stream = old.stream(offline(kCall));
  Player player(*stream);
  player.play(in, std::vector<int>(20, kCall));
  ASSERT_TRUE(stream->swap(fresh.model, offline(kCall)));
  for (int call = 20; call < 60; ++call) player.call(in, call * kCall, kCall);
  // The new one has its own 511 frames of silence first, and 512 are eight whole calls.
  const int begin = 20 * kCall + 512;
  Signal wanted = in;
  for (int n = 0; n < 60 * kCall; ++n) {
    auto& sample = wanted[0][static_cast<std::size_t>(n)];
    const float gain =
        std::clamp(static_cast<float>(n + 511 - begin) / static_cast<float>(kFade), 0.0F, 1.0F);
    const float other = -0.3F * sample;
    sample = gain == 1.0F ? other : sample + gain * (other - sample);
  }
  EXPECT_EQ(differs(player.out(), wanted, 511), "");
}

TEST_P(Swap, BeforeTheFirstBlockIsHeardAtOnce) {
  Fixture old(scaled(1));
  Fixture fresh(scaled(-1));
  const auto in = noise(1, kFrames);
  const auto stream = old.stream(config());
  ASSERT_TRUE(stream->swap(fresh.model, config()));
  Player player(*stream);
  play_until_settled(*stream, player, in);
  EXPECT_EQ(old.knobs().live(), 1);
  const int settled = player.played();
  play(player, in, 40);
  const auto at = static_cast<std::size_t>(settled + 100);
  const auto from = at - static_cast<std::size_t>(stream->latency().stream);
  EXPECT_EQ(player.out()[0][at], -in[0][from]);
}

TEST_P(Swap, TwiceInARowHearsTheLast) {
  Fixture first(scaled(1));
  Fixture second(scaled(2));
  Fixture third(scaled(3));
  const auto in = noise(1, kFrames);
  const auto stream = first.stream(config());
  Player player(*stream);
  play(player, in, 20);
  ASSERT_TRUE(stream->swap(second.model, config()));
  EXPECT_EQ(second.knobs().live(), 2);
  ASSERT_TRUE(stream->swap(third.model, config()));
  EXPECT_EQ(second.knobs().live(), 1) << "never heard, so freed at once";
  play_until_settled(*stream, player, in);
  EXPECT_EQ(first.knobs().live(), 1);
  play(player, in, 20);
  const auto at = static_cast<std::size_t>(player.played() - 1);
  const auto from = at - static_cast<std::size_t>(stream->latency().stream);
  EXPECT_EQ(player.out()[0][at], 3 * in[0][from]);
}

TEST_P(Swap, DuringAFadeWaitsForItsEnd) {
  Fixture first(scaled(1));
  Fixture second(scaled(2));
  Fixture third(scaled(3));
  const auto in = noise(1, kFrames);
  const auto stream = first.stream(config());
  Player player(*stream);
  play(player, in, 20);
  ASSERT_TRUE(stream->swap(second.model, config()));
  play(player, in, 12);
  ASSERT_TRUE(stream->swap(third.model, config()));
  play_until_settled(*stream, player, in);
  EXPECT_EQ(first.knobs().live(), 1);
  EXPECT_EQ(second.knobs().live(), 1);
  play(player, in, 20);
  const auto at = static_cast<std::size_t>(player.played() - 1);
  const auto from = at - static_cast<std::size_t>(stream->latency().stream);
  EXPECT_EQ(player.out()[0][at], 3 * in[0][from]);
}

TEST_P(Swap, ThatFailsLeavesTheStreamAsItWas) {
  Fixture old(scaled(1));
  Fixture fresh(scaled(-1));
  const auto in = noise(1, kFrames);
  const auto stream = old.stream(config());
  Player player(*stream);
  play(player, in, 20);
  const int before = fresh.knobs().live();
  for (const int what : {0, 1, 2, 3, 4, 5}) {
    auto wrong = config();
    if (what == 0) wrong.method = "backward";
    if (what == 1) wrong.sample_rate = 48000;
    if (what == 2) wrong.host_block = 128;
    if (what == 3) wrong.batch = 2;
    if (what == 4) wrong.fixed_host_block = true;
    if (what == 5) fresh.knobs().fail_next(1);
    const auto done = stream->swap(fresh.model, wrong);
    ASSERT_FALSE(done) << what;
    if (what >= 1 && what <= 4) {
      EXPECT_EQ(done.error().message,
                "A swap keeps the host's sample rate, block, batch and mode: prepare a new stream "
                "to change them.");
    }
    EXPECT_TRUE(stream->settled());
    EXPECT_EQ(fresh.knobs().live(), before);
  }
  play(player, in, 100);
  EXPECT_EQ(differs(player.out(), in, stream->latency().stream), "");
}

TEST_P(Swap, ToOtherChannelsFillsAndClearsThem) {
  auto mono = stub::spec();
  auto stereo = stub::spec();
  stereo.methods = {stub::method("forward", 1, 2)};
  const auto in = noise(1, kFrames);
  Fixture one(mono);
  Fixture two(stereo);
  const auto stream = one.stream(config());
  Player player(*stream);
  play(player, in, 10);
  ASSERT_TRUE(stream->swap(two.model, config()));
  EXPECT_EQ(stream->out_channels(), 2);
  play_until_settled(*stream, player, in);
  play(player, in, 40);
  EXPECT_EQ(player.out()[1].back(), player.out()[0].back());
  EXPECT_NE(player.out()[1].back(), 0.0F);
  ASSERT_TRUE(stream->swap(one.model, config()));
  play_until_settled(*stream, player, in);
  play(player, in, 40);
  EXPECT_EQ(player.out()[1].back(), 0.0F);
  EXPECT_NE(player.out()[0].back(), 0.0F);
}

TEST_P(Swap, TakesTheNewModelsAttributesAndLaterChangesGoToIt) {
  Fixture old(stub::spec());
  Fixture fresh(stub::spec());
  ASSERT_TRUE(fresh.model.set("gain", {0.25}));
  const auto in = noise(1, kFrames);
  const auto stream = old.stream(config());
  Player player(*stream);
  play(player, in, 10);
  ASSERT_TRUE(stream->swap(fresh.model, config()));
  EXPECT_EQ(std::get<double>(stream->get("gain").get().value().at(0)), 0.25);
  ASSERT_TRUE(stream->set("gain", {0.5}).get());
  play_until_settled(*stream, player, in);
  play(player, in, 40);
  const auto at = static_cast<std::size_t>(player.played() - 1);
  EXPECT_EQ(player.out()[0][at],
            0.5F * in[0][at - static_cast<std::size_t>(stream->latency().stream)]);
  EXPECT_EQ(old.knobs().changes().size(), 0U);
}

TEST_P(Swap, IsOverAfterAReset) {
  Fixture old(scaled(1));
  Fixture fresh(scaled(-1));
  const auto in = noise(1, kFrames);
  const auto stream = old.stream(config());
  for (const int calls : {0, 3, 12}) {
    Player player(*stream);
    play(player, in, 20);
    ASSERT_TRUE(stream->swap(fresh.model, config()));
    play(player, in, calls);
    stream->reset();
    EXPECT_TRUE(stream->settled());
    EXPECT_EQ(old.knobs().live(), 1);
    auto wanted = in;
    for (auto& sample : wanted[0]) sample = -sample;
    EXPECT_EQ(differs(run(*stream, in, cut(kFrames, kCall)), wanted, stream->latency().stream), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Mode, Swap, testing::Bool(), [](const testing::TestParamInfo<bool>& test) {
  return test.param ? "realtime" : "offline";
});

TEST(SwapRealtime, GetsRidOfAModelThatIsStuck) {
  Fixture old(scaled(1));
  Fixture fresh(scaled(-1));
  const auto in = noise(1, kFrames);
  const auto stream = old.stream(realtime(kCall));
  Player player(*stream);
  player.play(in, std::vector<int>(20, kCall));
  old.knobs().close_gate();
  for (int i = 0; i < 8; ++i) player.call(in, player.played(), kCall);
  old.knobs().wait_until_held();
  ASSERT_TRUE(stream->swap(fresh.model, realtime(kCall)));
  const int latency = stream->latency().stream;
  bool heard = false;
  while (!heard && player.played() < kFrames) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    player.call(in, player.played(), kCall);
    const auto at = static_cast<std::size_t>(player.played() - 1);
    heard = player.out()[0][at] == -in[0][at - static_cast<std::size_t>(latency)];
  }
  EXPECT_TRUE(heard) << "while the old one still hangs";
  EXPECT_EQ(old.knobs().live(), 2);
  old.knobs().open_gate();
  EXPECT_TRUE(stream->settled());
  EXPECT_EQ(old.knobs().live(), 1);
}

}  // namespace
}  // namespace nnbridge
