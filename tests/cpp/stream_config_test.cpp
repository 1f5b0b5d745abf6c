// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <tuple>

#include "support/player.hpp"

namespace nnbridge {
namespace {

using namespace test;

class Wrong {
 public:
  std::function<void(StreamConfig&)> make;
  std::string sentence;
};

TEST(Configuration, ThatIsWrongGetsOneClearSentence) {
  auto spec = stub::spec();
  spec.methods = {stub::method("forward"), stub::method("encode", 1, 4, 1, 256),
                  stub::method("decode", 4, 1, 256, 1), stub::method("prior", 1, 1)};
  spec.methods[3].callable = false;
  Fixture fixture(spec);
  const auto base = realtime(512);
  const std::vector<Wrong> all{
      {[](auto& c) { c.method = "backward"; },
       "The model has no method 'backward'; it has: forward, encode, decode, prior."},
      {[](auto& c) { c.method = ""; },
       "The model has no method ''; it has: forward, encode, decode, prior."},
      {[](auto& c) { c.method = "encode+"; },
       "The model has no method ''; it has: forward, encode, decode, prior."},
      {[](auto& c) { c.method = "prior"; },
       "The model lists a method 'prior' but does not contain it, so it can't be run; others are: "
       "forward, encode, decode, prior."},
      {[](auto& c) { c.method = "encode+forward"; },
       "'encode' gives 4 channels and 'forward' takes 1, so they can't be chained."},
      {[](auto& c) { c.sample_rate = 0; },
       "The sample rate in Hz must be between 1000 and 1000000, not 0."},
      {[](auto& c) { c.sample_rate = -44100; },
       "The sample rate in Hz must be between 1000 and 1000000, not -44100."},
      {[](auto& c) { c.host_block = 0; },
       "The host block in frames must be between 1 and 4194304, not 0."},
      {[](auto& c) { c.block = 0; },
       "The model block in samples must be between 1 and 4194304, not 0."},
      {[](auto& c) { c.block = -1; },
       "The model block in samples must be between 1 and 4194304, not -1."},
      {[](auto& c) { c.batch = 0; }, "The batch must be between 1 and 4096, not 0."},
      {[](auto& c) { c.model_delay = -1; },
       "The model delay in samples must be between 0 and 4194304, not -1."},
      {[](auto& c) { c.deadline = -1; },
       "The deadline in frames must be between 0 and 512, not -1."},
      {[](auto& c) { c.deadline = 513; },
       "The deadline in frames must be between 0 and 512, not 513."},
      {[](auto& c) {
         c.method = "encode";
         c.late = LatePolicy::kDry;
       },
       "The late policy 'dry' needs a method that takes and gives audio; 'encode' does not: use "
       "'silence'."},
  };
  for (const auto& wrong : all) {
    auto config = base;
    wrong.make(config);
    const auto stream = Stream::prepare(fixture.model, config);
    ASSERT_FALSE(stream) << wrong.sentence;
    EXPECT_EQ(stream.error().message, wrong.sentence);
    EXPECT_EQ(fixture.knobs().live(), 1);
  }
}

TEST(Configuration, IsGivenBackWithEveryDefaultResolved) {
  auto spec = stub::spec();
  spec.sample_rate = 48000;
  Fixture fixture(spec);
  const auto resolved = fixture.stream(StreamConfig{})->config();
  EXPECT_EQ(resolved.sample_rate, 48000);
  EXPECT_EQ(resolved.block, 512);
  EXPECT_EQ(resolved.deadline, 0);
  spec.sample_rate.reset();
  Fixture silent(spec);
  EXPECT_EQ(silent.stream(StreamConfig{})->config().sample_rate, 44100);
}

TEST(ModelBlock, IsTheLeastMultipleOfTheStepThatIsNotBelowWhatWasAsked) {
  auto spec = stub::spec();
  spec.methods = {stub::method("forward")};
  for (const auto& [step, asked, block] :
       {std::tuple(1, 1, 1), std::tuple(1, 500, 500), std::tuple(256, 1, 256),
        std::tuple(256, 257, 512), std::tuple(2048, 512, 2048), std::tuple(2048, 2049, 4096)}) {
    spec.methods[0].step = step;
    Fixture fixture(spec);
    auto config = offline();
    config.block = asked;
    EXPECT_EQ(fixture.stream(config)->config().block, block) << step << " " << asked;
  }
}

TEST(Chains, RunTheirMethodsInOneGo) {
  auto spec = stub::spec();
  spec.methods = {stub::method("encode", 1, 4, 1, 256), stub::method("decode", 4, 1, 256, 1)};
  Fixture fixture(spec);
  auto config = offline();
  config.method = "encode+decode";
  const auto stream = fixture.stream(config);
  EXPECT_EQ(stream->in_channels(), 1);
  EXPECT_EQ(stream->out_channels(), 1);
  EXPECT_EQ(stream->config().block, 512);
}

class Buffers : public testing::TestWithParam<bool> {
 protected:
  static constexpr int kBlock = 512;
  static constexpr int kFrames = 10 * kBlock;
  StreamConfig config() const { return GetParam() ? realtime(kBlock) : offline(kBlock); }
};

TEST_P(Buffers, MayBeTheSameMemory) {
  for (const auto& [ins, outs] : {std::pair(1, 1), std::pair(2, 2), std::pair(1, 2)}) {
    auto spec = stub::spec();
    spec.methods = {stub::method("forward", ins, outs)};
    Fixture fixture(spec);
    const auto in = noise(2, kFrames);
    const auto reference_stream = fixture.stream(config());
    Signal heard = in;
    const auto stream = fixture.stream(config());
    for (int begin = 0; begin < kFrames; begin += 64) {
      float* rows[] = {heard[0].data() + begin, heard[1].data() + begin};
      stream->process(rows, ins, rows, outs, 64);
      Player(*stream).settle();
    }
    Signal used(in.begin(), in.begin() + ins);
    Player player(*reference_stream);
    player.play(used, cut(kFrames, 64));
    heard.resize(static_cast<std::size_t>(outs));
    EXPECT_EQ(differs(heard, player.out(), 0), "");
  }
}

TEST_P(Buffers, MayBeFewerOrMoreThanTheMethodHas) {
  auto spec = stub::spec();
  spec.methods = {stub::method("forward", 2, 2)};
  Fixture fixture(spec);
  const auto in = noise(4, kFrames);
  for (const int ins : {0, 1, 2, 4}) {
    for (const int outs : {0, 1, 2, 5}) {
      const auto stream = fixture.stream(config());
      auto heard = silence(outs, kFrames);
      for (auto& row : heard) std::fill(row.begin(), row.end(), 9.0F);
      for (int begin = 0; begin < kFrames; begin += kBlock) {
        std::vector<const float*> from;
        std::vector<float*> to;
        for (int row = 0; row < ins; ++row) {
          from.push_back(in[static_cast<std::size_t>(row)].data() + begin);
        }
        for (auto& row : heard) to.push_back(row.data() + begin);
        // An empty vector's data may be null: null arrays are legal where there is nothing in them.
        stream->process(ins == 0 ? nullptr : from.data(), ins, outs == 0 ? nullptr : to.data(),
                        outs, kBlock);
        Player(*stream).settle();
      }
      auto wanted = silence(outs, kFrames);
      for (std::size_t row = 0; row < wanted.size() && row < 2; ++row) {
        if (static_cast<int>(row) < ins) wanted[row] = in[row];
      }
      EXPECT_EQ(differs(heard, wanted, stream->latency().stream), "") << ins << " " << outs;
    }
  }
}

TEST_P(Buffers, OfNoFramesAreLegalAtAnyTime) {
  Fixture fixture(stub::spec());
  const auto stream = fixture.stream(config());
  const auto in = noise(1, kFrames);
  Player player(*stream);
  stream->process(nullptr, 0, nullptr, 0, 0);
  for (int begin = 0; begin < kFrames; begin += 128) {
    player.call(in, begin, 128);
    player.call(in, begin, 0);
    player.settle();
  }
  EXPECT_EQ(differs(player.out(), in, stream->latency().stream), "");
}

TEST(BuffersBeyondTheHostBlock, AreTakenInPieces) {
  Fixture fixture(stub::spec());
  const auto in = noise(1, 20000);
  for (const int size : {513, 5000, 20000}) {
    const auto stream = fixture.stream(offline(512));
    EXPECT_EQ(differs(run(*stream, in, cut(20000, size)), in, stream->latency().stream), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Mode, Buffers, testing::Bool(),
                         [](const testing::TestParamInfo<bool>& test) {
                           return test.param ? "realtime" : "offline";
                         });

}  // namespace
}  // namespace nnbridge
