// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "support/player.hpp"

namespace nnbridge {
namespace {

using namespace test;

constexpr int kBlock = 512;

class Attributes : public testing::TestWithParam<bool> {
 protected:
  StreamConfig config() const { return GetParam() ? realtime(kBlock) : offline(kBlock); }
};

TEST_P(Attributes, AreAppliedInTheOrderGivenBetweenTwoBlocks) {
  Fixture fixture(stub::spec());
  const auto stream = fixture.stream(config());
  Player player(*stream);
  const auto in = ramp(1, 20 * kBlock);
  auto wanted = in;
  for (int block = 0; block < 20; ++block) {
    const double gain = 1.0 / (1 << block % 8);
    std::vector<std::future<Result<void>>> answers;
    for (const double value : {7.0, 3.0, gain}) answers.push_back(stream->set("gain", {value}));
    for (auto& answer : answers) EXPECT_TRUE(answer.get());
    player.call(in, block * kBlock, kBlock);
    player.settle();
    for (int n = block * kBlock; n < (block + 1) * kBlock; ++n) {
      wanted[0][static_cast<std::size_t>(n)] *= static_cast<float>(gain);
    }
  }
  EXPECT_EQ(differs(player.out(), wanted, stream->latency().stream), "");
  const auto changes = fixture.knobs().changes();
  ASSERT_EQ(changes.size(), 60U);
  EXPECT_EQ(changes[3], "gain=7");
  EXPECT_EQ(changes[4], "gain=3");
  EXPECT_EQ(changes[5], "gain=0.5");
}

TEST_P(Attributes, OfEveryTypeReachTheModelAndComeBack) {
  Fixture fixture(stub::spec());
  const auto stream = fixture.stream(config());
  const auto there_and_back = [&](const std::string& name, const std::vector<Value>& values) {
    EXPECT_TRUE(stream->set(name, values).get()) << name;
    return stream->get(name).get().value();
  };
  EXPECT_EQ(std::get<bool>(there_and_back("on", {true}).at(0)), true);
  EXPECT_EQ(std::get<std::int64_t>(there_and_back("steps", {std::int64_t{-3}}).at(0)), -3);
  EXPECT_EQ(std::get<double>(there_and_back("gain", {0.125}).at(0)), 0.125);
  EXPECT_EQ(std::get<std::string>(there_and_back("name", {std::string("cello")}).at(0)), "cello");
  const TensorValue tensor{.shape = {1, 2}, .data = {3, 4}};
  EXPECT_EQ(std::get<TensorValue>(there_and_back("shape", {tensor}).at(0)).data, tensor.data);
  BufferValue buffer;
  buffer.channels = 1;
  buffer.frames = 3;
  buffer.samples = {1, 2, 3};
  EXPECT_EQ(std::get<BufferValue>(there_and_back("sample", {buffer}).at(0)).samples,
            buffer.samples);
  const auto pair = there_and_back("pair", {0.5, std::int64_t{7}});
  EXPECT_EQ(std::get<double>(pair.at(0)), 0.5);
  EXPECT_EQ(std::get<std::int64_t>(pair.at(1)), 7);
}

TEST_P(Attributes, RefusalsComeBackInTheModelsOwnWords) {
  Fixture fixture(stub::spec());
  const auto stream = fixture.stream(config());
  const auto message = [&](const std::string& name, const std::vector<Value>& values) {
    const auto done = stream->set(name, values).get();
    return done ? std::string("accepted") : done.error().message;
  };
  EXPECT_EQ(message("refuses", {2.5}), "The stub refuses 2.5.");
  EXPECT_EQ(message("gain", {std::string("loud")}), "'gain' takes a number, not 'loud'.");
  EXPECT_EQ(message("volume", {1.0}),
            "The model has no attribute 'volume'; it has: gain, offset, on, steps, name, shape, "
            "sample, pair, refuses.");
  const auto got = stream->get("volume").get();
  ASSERT_FALSE(got);
  EXPECT_EQ(std::get<double>(stream->get("gain").get().value().at(0)), 1.0) << "as it was";
}

TEST_P(Attributes, FromSeveralThreadsKeepTheOrderOfEach) {
  Fixture fixture(stub::spec());
  const auto stream = fixture.stream(config());
  constexpr int kThreads = 4;
  constexpr int kChanges = 50;
  std::vector<std::thread> threads;
  std::atomic<bool> done{false};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::vector<std::future<Result<void>>> answers;
      for (int i = 0; i < kChanges; ++i) {
        answers.push_back(stream->set("steps", {std::int64_t{t * 1000 + i}}));
      }
      for (auto& answer : answers) EXPECT_TRUE(answer.get());
    });
  }
  std::thread audio([&] {
    const auto in = noise(1, kBlock);
    auto out = silence(1, kBlock);
    const float* from = in[0].data();
    float* to = out[0].data();
    while (!done.load()) stream->process(&from, 1, &to, 1, kBlock);
  });
  for (auto& thread : threads) thread.join();
  done.store(true);
  audio.join();
  const auto changes = fixture.knobs().changes();
  ASSERT_EQ(changes.size(), static_cast<std::size_t>(kThreads * kChanges));
  std::vector<int> next(kThreads, 0);
  for (const auto& change : changes) {
    const int value = std::stoi(change.substr(change.find('=') + 1));
    EXPECT_EQ(value % 1000, next[static_cast<std::size_t>(value / 1000)]++);
  }
}

TEST_P(Attributes, OfTheModelAreWhereItsStreamsBegin) {
  Fixture fixture(stub::spec());
  ASSERT_TRUE(fixture.model.set("gain", {0.5}));
  const auto first = fixture.stream(config());
  ASSERT_TRUE(fixture.model.set("gain", {0.25}));
  const auto second = fixture.stream(config());
  ASSERT_TRUE(second->set("offset", {1.0}).get());
  const auto gain = [](Stream& stream) {
    return std::get<double>(stream.get("gain").get().value().at(0));
  };
  EXPECT_EQ(gain(*first), 0.5);
  EXPECT_EQ(gain(*second), 0.25);
  EXPECT_EQ(std::get<double>(fixture.model.get("offset").value().at(0)), 0.0) << "a stream's own";
}

TEST_P(Attributes, SetSinceSurviveAReset) {
  Fixture fixture(stub::spec());
  const auto stream = fixture.stream(config());
  ASSERT_TRUE(stream->set("gain", {0.5}).get());
  ASSERT_TRUE(stream->set("gain", {0.25}).get());
  ASSERT_FALSE(stream->set("refuses", {1.0}).get());
  stream->reset();
  EXPECT_EQ(std::get<double>(stream->get("gain").get().value().at(0)), 0.25);
  ASSERT_TRUE(stream->reset_model().get());
  EXPECT_EQ(std::get<double>(stream->get("gain").get().value().at(0)), 0.25);
}

INSTANTIATE_TEST_SUITE_P(Mode, Attributes, testing::Bool(),
                         [](const testing::TestParamInfo<bool>& test) {
                           return test.param ? "realtime" : "offline";
                         });

TEST(AttributeQueue, NeverBlocksWhoSets) {
  Fixture fixture(stub::spec());
  const auto stream = fixture.stream(realtime(kBlock));
  Player player(*stream);
  const auto in = noise(1, kBlock);
  fixture.knobs().close_gate();
  player.call(in, 0, kBlock);
  fixture.knobs().wait_until_held();
  std::vector<std::future<Result<void>>> answers;
  for (int i = 0; i < 1000; ++i) answers.push_back(stream->set("gain", {0.5}));
  for (auto& answer : answers) {
    EXPECT_EQ(answer.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  }
  fixture.knobs().open_gate();
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
}

TEST(AttributeQueue, AnswersEvenWhenTheStreamIsDestroyed) {
  Fixture fixture(stub::spec());
  auto stream = fixture.stream(realtime(kBlock));
  Player player(*stream);
  const auto in = noise(1, kBlock);
  fixture.knobs().close_gate();
  player.call(in, 0, kBlock);
  fixture.knobs().wait_until_held();
  auto set = stream->set("gain", {0.5});
  auto refused = stream->set("refuses", {0.5});
  auto got = stream->get("gain");
  auto reset = stream->reset_model();
  std::thread opener([&] { fixture.knobs().open_gate(); });
  stream.reset();
  opener.join();
  EXPECT_TRUE(set.get());
  EXPECT_FALSE(refused.get());
  EXPECT_TRUE(got.get());
  EXPECT_TRUE(reset.get());
}

TEST(AttributeQueue, AnswersEvenWhenTheWorkerEndsBeforeItLooks) {
  Fixture fixture(stub::spec());
  std::vector<std::future<Result<void>>> answers;
  for (int i = 0; i < 200; ++i) {
    auto stream = fixture.stream(realtime(kBlock));
    answers.push_back(stream->set("gain", {0.5}));
    stream.reset();
  }
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
}

}  // namespace
}  // namespace nnbridge
