// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "support/player.hpp"
#include "support/temporary.hpp"

namespace nnbridge {
namespace {

using namespace test;

constexpr int kBlock = 512;

void one_call(Stream& stream) {
  const std::vector<float> in(kBlock, 0.5F);
  std::vector<float> out(kBlock);
  const float* from = in.data();
  float* to = out.data();
  stream.process(&from, 1, &to, 1, kBlock);
}

TEST(Destroying, WaitsForTheInferenceInFlight) {
  Fixture fixture(stub::spec());
  auto stream = fixture.stream(realtime(kBlock));
  fixture.knobs().close_gate();
  one_call(*stream);
  fixture.knobs().wait_until_held();
  const int runs = fixture.knobs().runs();
  std::thread opener([&] { fixture.knobs().open_gate(); });
  stream.reset();
  opener.join();
  EXPECT_EQ(fixture.knobs().runs(), runs + 1);
  EXPECT_EQ(fixture.knobs().live(), 1);
}

TEST(Destroying, TwelveStreamsInFlightIsClean) {
  auto fixture = std::make_unique<Fixture>(stub::spec());
  auto program = fixture->program;
  std::vector<std::unique_ptr<Stream>> streams;
  for (int i = 0; i < 12; ++i) streams.push_back(fixture->stream(realtime(kBlock)));
  EXPECT_EQ(program->knobs().live(), 13);
  const int started = program->knobs().started();
  program->knobs().close_gate();
  for (auto& stream : streams) one_call(*stream);
  while (program->knobs().started() < started + 12) std::this_thread::yield();
  fixture.reset();  // the model may go first
  std::thread opener([&] { program->knobs().open_gate(); });
  streams.clear();
  opener.join();
  EXPECT_EQ(program->knobs().live(), 0);
}

TEST(Destroying, AStreamOutlivesTheModelItWasMadeFrom) {
  auto fixture = std::make_unique<Fixture>(stub::spec());
  auto stream = fixture->stream(realtime(kBlock));
  fixture.reset();
  EXPECT_TRUE(stream->set("gain", {Value(0.5)}).get());
  one_call(*stream);
}

TEST(Destroying, AStreamThatNeverPlayedIsClean) {
  Fixture fixture(stub::spec());
  for (int i = 0; i < 50; ++i) fixture.stream(realtime(kBlock));
  for (int i = 0; i < 50; ++i) fixture.stream(offline(kBlock));
  EXPECT_EQ(fixture.knobs().live(), 1);
}

TEST(Destroying, WithASwapUnderWayIsClean) {
  Fixture fixture(stub::spec());
  Fixture fresh(stub::spec());
  for (const int calls : {0, 1, 3}) {
    auto stream = fixture.stream(realtime(kBlock));
    ASSERT_TRUE(stream->swap(fresh.model, realtime(kBlock)));
    for (int i = 0; i < calls; ++i) one_call(*stream);
    stream.reset();
    EXPECT_EQ(fixture.knobs().live(), 1);
    EXPECT_EQ(fresh.knobs().live(), 1);
  }
}

TEST(ExitingTheProcess, WithAnInferenceInFlightIsClean) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        static Fixture* fixture = new Fixture(stub::spec());
        static Stream* leaked = fixture->stream(realtime(kBlock)).release();
        fixture->knobs().close_gate();
        one_call(*leaked);
        fixture->knobs().wait_until_held();
        std::thread([&] { fixture->knobs().open_gate(); }).join();
        std::exit(0);
      },
      testing::ExitedWithCode(0), "");
}

class Resetting : public testing::TestWithParam<bool> {
 protected:
  StreamConfig config() const { return GetParam() ? realtime(kBlock) : offline(kBlock); }
};

TEST_P(Resetting, LeavesNothingBehind) {
  auto spec = stub::spec();
  spec.feedback = 0.9F;
  spec.delay = 30;
  for (const int host_rate : {44100, 48000}) {
    spec.sample_rate = 44100;
    Fixture fixture(spec);
    auto asked = config();
    asked.sample_rate = host_rate;
    const auto stream = fixture.stream(asked);
    const auto in = noise(1, 20 * kBlock + 137);
    const auto sizes = cut(20 * kBlock + 137, 300);
    const auto first = run(*stream, in, sizes);
    stream->reset();
    EXPECT_EQ(stream->stats().blocks, 0);
    EXPECT_EQ(stream->stats().mean_cost, 0);
    EXPECT_EQ(differs(run(*stream, in, sizes), first, 0), "");
  }
}

TEST_P(Resetting, AfterAFailureForgetsIt) {
  Fixture fixture(stub::spec());
  const auto stream = fixture.stream(config());
  fixture.knobs().nan_next(1);
  const auto in = noise(1, 8 * kBlock);
  run(*stream, in, cut(8 * kBlock, kBlock));
  EXPECT_EQ(stream->stats().failed, 1);
  stream->reset();
  EXPECT_EQ(stream->stats().failed, 0);
  EXPECT_EQ(stream->stats().last_failure, "");
  EXPECT_EQ(differs(run(*stream, in, cut(8 * kBlock, kBlock)), in, stream->latency().stream), "");
}

TEST_P(Resetting, TheModelAloneLeavesTheBuffersAsTheyAre) {
  auto spec = stub::spec();
  spec.feedback = 1.0F;  // a running sum: what is not cleared stays for ever
  Fixture fixture(spec);
  const auto stream = fixture.stream(config());
  Player player(*stream);
  Signal in = silence(1, 12 * kBlock);
  for (auto& sample : in[0]) sample = 1;
  player.play(in, std::vector<int>(6, kBlock));
  ASSERT_TRUE(stream->reset_model().get());
  for (int call = 6; call < 12; ++call) {
    player.call(in, call * kBlock, kBlock);
    player.settle();
  }
  Signal wanted = in;
  for (std::size_t n = 0; n < wanted[0].size(); ++n) {
    wanted[0][n] = static_cast<float>(n % (6 * kBlock) + 1);
  }
  EXPECT_EQ(differs(player.out(), wanted, stream->latency().stream), "");
}

INSTANTIATE_TEST_SUITE_P(Mode, Resetting, testing::Bool(),
                         [](const testing::TestParamInfo<bool>& test) {
                           return test.param ? "realtime" : "offline";
                         });

/// A stream whose worker is held up in an inference.
class ResettingInFlight : public testing::Test {
 protected:
  void SetUp() override {
    fixture_.knobs().close_gate();
    one_call(*stream_);
    fixture_.knobs().wait_until_held();
  }

  Fixture fixture_{stub::spec()};
  const std::unique_ptr<Stream> stream_ = fixture_.stream(realtime(kBlock));
};

TEST_F(ResettingInFlight, WaitsForTheWorker) {
  // The pause is no deadline: without it, a reset that doesn't wait might go unseen.
  std::thread opener([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    fixture_.knobs().open_gate();
  });
  stream_->reset();
  opener.join();
  EXPECT_EQ(stream_->stats().blocks, 0);
  EXPECT_EQ(stream_->stats().pending, 0);
  const auto in = noise(1, 8 * kBlock);
  EXPECT_EQ(differs(run(*stream_, in, cut(8 * kBlock, kBlock)), in, stream_->latency().stream), "");
  EXPECT_EQ(stream_->stats().late, 0);
}

TEST_F(ResettingInFlight, HoldsUpNobodyWhoAsksMeanwhile) {
  std::thread resetter([&] { stream_->reset(); });
  auto answered = std::async(std::launch::async, [&] {
    // Long enough for the reset to have begun; were it not, the test would only see less.
    for (int i = 0; i < 30; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      (void)stream_->stats();
      (void)stream_->latency();
      (void)stream_->set("gain", {Value(0.5)});
    }
  });
  EXPECT_EQ(answered.wait_for(std::chrono::seconds(10)), std::future_status::ready)
      << "a host's thread that makes audio asks too";
  fixture_.knobs().open_gate();
  resetter.join();
}

TEST(TwoStreams, OfOneModelDoNotHearEachOther) {
  auto spec = stub::spec();
  spec.feedback = 0.99F;
  Fixture fixture(spec);
  for (const bool on_worker : {false, true}) {
    const auto config = on_worker ? realtime(kBlock) : offline(kBlock);
    const auto alone = fixture.stream(config);
    const auto in = noise(1, 10 * kBlock);
    const auto reference = run(*alone, in, cut(10 * kBlock, kBlock));
    const auto first = fixture.stream(config);
    const auto second = fixture.stream(config);
    Player one(*first);
    Player two(*second);
    const auto other = noise(1, 10 * kBlock, 2);
    for (int call = 0; call < 10; ++call) {
      two.call(other, call * kBlock, kBlock);
      two.settle();
      one.call(in, call * kBlock, kBlock);
      one.settle();
    }
    EXPECT_EQ(differs(one.out(), reference, 0), "");
  }
}

TEST(WarmingUp, RunsTheRealShapesThreeTimesAndLeavesThePristineState) {
  auto spec = stub::spec();
  Fixture fixture(spec);
  ASSERT_TRUE(fixture.model.set("offset", {1.0}));  // leaves a trace in any state
  auto config = offline(kBlock);
  config.seed = 77;
  const auto stream = fixture.stream(config);
  EXPECT_EQ(fixture.knobs().runs(), 3);
  EXPECT_EQ(fixture.knobs().resets(), 1) << "after the warm-up; an instance begins pristine";
  EXPECT_EQ(fixture.knobs().seeds(), (std::vector<std::uint64_t>{77}));
}

TEST(OpeningAFile, ThatIsNoModelIsAnError) {
  const auto model = Model::open("/no/such/file.ts");
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().message.find("/no/such/file.ts"), std::string::npos);
}

TEST(OpeningAFile, TwiceWorksAndAgainOnceItHasChanged) {
  const auto path = temporary_folder() / "stub.ts";
  std::ofstream(path) << "stub";
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Model::open(path));
  const auto kept = Model::open(path);
  std::ofstream(path) << "a picture of a cat";
  EXPECT_FALSE(Model::open(path)) << "not the one in memory";
  EXPECT_TRUE(kept);
}

}  // namespace
}  // namespace nnbridge
