// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "support/player.hpp"

namespace nnbridge {
namespace {

using namespace test;

constexpr int kFrames = 12000;

/// What the stub makes of a signal at equal rates: its own sum, sample by sample.
Signal expected(const stub::Spec& spec, const Signal& in, int in_ratio, int out_ratio) {
  Signal out = silence(static_cast<int>(in.size()), static_cast<int>(in[0].size()));
  for (std::size_t row = 0; row < in.size(); ++row) {
    float before = 0;
    for (std::size_t n = 0; n < in[row].size(); ++n) {
      const auto from = static_cast<std::size_t>(
          stub::source_frame(static_cast<std::int64_t>(n), in_ratio, out_ratio));
      if (from >= in[row].size()) {  // of a group that never ends
        out[row].resize(n);
        break;
      }
      before = spec.scale * in[row][from] + spec.feedback * before;
      out[row][n] = before;
    }
  }
  return out;
}

using Case = std::tuple<int, bool>;  // N (0: changing), realtime

class EveryHostBlock : public testing::TestWithParam<Case> {
 protected:
  int size() const { return std::get<0>(GetParam()); }
  StreamConfig config() const { return std::get<1>(GetParam()) ? realtime(2048) : offline(2048); }
};

TEST_P(EveryHostBlock, GivesTheModelsSamplesDelayedByExactlyTheLatency) {
  auto spec = stub::spec();
  spec.feedback = 0.5F;
  for (const int block : {1, 100, 512, 2048}) {
    Fixture fixture(spec);
    auto asked = config();
    asked.block = block;
    const auto stream = fixture.stream(asked);
    const auto in = noise(1, size() == 1 ? 2000 : kFrames);
    const auto heard = run(*stream, in, cut(static_cast<int>(in[0].size()), size()));
    EXPECT_EQ(differs(heard, expected(spec, in, 1, 1), stream->latency().stream), "") << block;
    EXPECT_EQ(stream->stats().late, 0);
  }
}

TEST_P(EveryHostBlock, GoesThroughRatiosWithTheLastSampleInAndHeldOut) {
  for (const auto& [in_ratio, out_ratio] :
       {std::pair(1, 256), std::pair(256, 1), std::pair(64, 64), std::pair(1, 2048)}) {
    auto spec = stub::spec();
    spec.methods = {stub::method("forward", 2, 2, in_ratio, out_ratio)};
    Fixture fixture(spec);
    const auto stream = fixture.stream(config());
    const auto in = ramp(2, size() == 1 ? 3000 : kFrames);
    const auto heard = run(*stream, in, cut(static_cast<int>(in[0].size()), size()));
    const auto wanted = expected(spec, in, in_ratio, out_ratio);
    EXPECT_EQ(differs(heard, wanted, stream->latency().stream), "") << in_ratio << ":" << out_ratio;
    EXPECT_EQ(stream->stats().late, 0);
  }
}

TEST_P(EveryHostBlock, KeepsTheItemsOfABatchApart) {
  auto spec = stub::spec();
  spec.methods = {stub::method("forward", 2, 2)};
  spec.feedback = -0.25F;
  Fixture fixture(spec);
  auto asked = config();
  asked.batch = 3;
  const auto stream = fixture.stream(asked);
  const auto in = noise(6, size() == 1 ? 2000 : kFrames);
  const auto heard = run(*stream, in, cut(static_cast<int>(in[0].size()), size()));
  EXPECT_EQ(differs(heard, expected(spec, in, 1, 1), stream->latency().stream), "");
}

TEST_P(EveryHostBlock, ResampledMakesTheSamplesOfOneLongCall) {
  auto spec = stub::spec();
  spec.sample_rate = 44100;
  spec.feedback = 0.5F;
  const auto in = noise(1, size() == 1 ? 3000 : kFrames);
  Fixture fixture(spec);
  auto asked = offline(kFrames);
  asked.sample_rate = 48000;
  const auto whole = fixture.stream(asked);
  const auto reference = run(*whole, in, cut(static_cast<int>(in[0].size()), kFrames));
  asked = config();
  asked.sample_rate = 48000;
  const auto stream = fixture.stream(asked);
  const auto heard = run(*stream, in, cut(static_cast<int>(in[0].size()), size()));
  const int more = stream->latency().stream - whole->latency().stream;
  EXPECT_EQ(more, asked.realtime ? 2048 : 0);
  EXPECT_EQ(differs(heard, reference, more), "");
}

std::string name_of_case(const testing::TestParamInfo<Case>& info) {
  const auto [size, realtime] = info.param;
  return (size == 0 ? "changing" : std::to_string(size)) + (realtime ? "_realtime" : "_offline");
}

INSTANTIATE_TEST_SUITE_P(N, EveryHostBlock,
                         testing::Combine(testing::Values(1, 32, 64, 479, 512, 2048, 0),
                                          testing::Bool()),
                         name_of_case);

TEST(FixedHostBlock, CostsNoMoreThanTheBlocksThatDontFit) {
  Fixture fixture(stub::spec());
  for (const auto& [host_block, block] :
       {std::pair(512, 512), std::pair(64, 512), std::pair(1024, 512), std::pair(480, 512),
        std::pair(512, 500), std::pair(100, 64), std::pair(1, 512)}) {
    for (const bool fixed : {true, false}) {
      auto config = offline(host_block);
      config.block = block;
      config.fixed_host_block = fixed;
      const auto stream = fixture.stream(config);
      // Sooner or later a block ends with the least that both sizes share, after a call began.
      const int wanted = block - (fixed ? std::gcd(host_block, block) : 1);
      EXPECT_EQ(stream->latency().stream, wanted) << host_block << " " << block;
      const auto in = ramp(1, host_block == 1 ? 3000 : host_block * 24);
      const auto sizes = cut(static_cast<int>(in[0].size()), host_block);
      EXPECT_EQ(differs(run(*stream, in, sizes), in, wanted), "") << host_block << " " << block;
      EXPECT_EQ(stream->stats().late, 0);
    }
  }
}

/// Where a single impulse has come to, and how surely: its two neighbours are equal.
int peak_of(const std::vector<float>& row) {
  std::size_t peak = 0;
  for (std::size_t n = 0; n < row.size(); ++n) {
    if (std::abs(row[n]) > std::abs(row[peak])) peak = n;
  }
  return static_cast<int>(peak);
}

using Rates = std::tuple<int, int, bool>;  // host, model, realtime
class EveryRate : public testing::TestWithParam<Rates> {};

TEST_P(EveryRate, HearsAnImpulseExactlyAtTheLatency) {
  const auto [host_rate, model_rate, on_worker] = GetParam();
  auto spec = stub::spec();
  spec.sample_rate = model_rate;
  Fixture fixture(spec);
  for (const int size : {32, 479, 2048, 0}) {
    auto config = on_worker ? realtime(2048) : offline(2048);
    config.sample_rate = host_rate;
    const auto stream = fixture.stream(config);
    constexpr int kAt = 3000;
    auto in = silence(1, 4 * kAt + 2 * stream->latency().stream);
    in[0][kAt] = 1;
    const auto heard = run(*stream, in, cut(static_cast<int>(in[0].size()), size));
    const int peak = peak_of(heard[0]);
    EXPECT_EQ(peak, kAt + stream->latency().stream) << size;
    // Linear phase: symmetric around its peak, so no fraction of a sample is hidden.
    const auto at = static_cast<std::size_t>(peak);
    EXPECT_NEAR(heard[0][at - 1], heard[0][at + 1], 0.02F) << size;
    EXPECT_EQ(stream->stats().late, 0);
  }
}

std::string name_of_rates(const testing::TestParamInfo<Rates>& test) {
  const auto [host_rate, model_rate, on_worker] = test.param;
  return std::to_string(host_rate) + "_over_" + std::to_string(model_rate) +
         (on_worker ? "_realtime" : "_offline");
}

INSTANTIATE_TEST_SUITE_P(Rates, EveryRate,
                         testing::Combine(testing::Values(22050, 44100, 48000, 88200, 96000),
                                          testing::Values(44100, 48000), testing::Bool()),
                         name_of_rates);

TEST(Rates, AreLeftAloneWhenAsked) {
  auto spec = stub::spec();
  spec.sample_rate = 44100;
  Fixture fixture(spec);
  auto config = offline();
  config.sample_rate = 48000;
  config.resample = false;
  const auto stream = fixture.stream(config);
  EXPECT_EQ(stream->latency().stream, 511);
  const auto in = noise(1, 6000);
  EXPECT_EQ(differs(run(*stream, in, cut(6000, 300)), in, 511), "");
  EXPECT_EQ(fixture.knobs().sample_rates().back(), 48000);
}

TEST(Rates, LatentsAreNeverFiltered) {
  auto spec = stub::spec();
  spec.sample_rate = 44100;
  spec.methods = {stub::method("encode", 1, 1, 1, 256), stub::method("decode", 1, 1, 256, 1)};
  Fixture fixture(spec);
  auto config = offline();
  config.sample_rate = 48000;
  config.method = "encode";
  const auto stream = fixture.stream(config);
  // A step lasts 256 * 48000 / 44100 = 278.6 host frames, and no filter rounds its edges.
  const auto in = noise(1, 20000);
  const auto heard = run(*stream, in, cut(20000, 333));
  for (std::size_t n = 1, before = 0; n < heard[0].size(); ++n) {
    if (heard[0][n] == heard[0][n - 1]) continue;
    EXPECT_TRUE(before == 0 || n - before >= 278) << before << " " << n;
    before = n;
  }
}

TEST(LatencyFigures, AreTheModelsAndTheStreamsAndTheirSum) {
  auto spec = stub::spec();
  spec.sample_rate = 44100;
  spec.methods[0].delay = 4410;
  spec.delay = 4410;
  Fixture fixture(spec);
  auto config = offline();
  config.sample_rate = 48000;
  const auto latency = fixture.stream(config)->latency();
  EXPECT_TRUE(latency.model_declared);
  EXPECT_EQ(latency.model, 4800);
  EXPECT_EQ(latency.total(), latency.stream + 4800);

  spec.methods[0].delay.reset();
  Fixture silent(spec);
  EXPECT_FALSE(silent.stream(config)->latency().model_declared);
  EXPECT_EQ(silent.stream(config)->latency().model, 0);
  config.model_delay = 441;
  EXPECT_EQ(silent.stream(config)->latency().model, 480);
}

TEST(LatencyFigures, TheModelsDelayIsHeardWhereItIsDeclared) {
  auto spec = stub::spec();
  spec.methods[0].delay = 100;
  spec.delay = 100;
  Fixture fixture(spec);
  const auto stream = fixture.stream(offline());
  const auto in = ramp(1, 6000);
  EXPECT_EQ(differs(run(*stream, in, cut(6000, 77)), in, stream->latency().total()), "");
}

TEST(LatencyFigures, ADeadlineAddsItselfAndNothingElse) {
  Fixture fixture(stub::spec());
  for (const int deadline : {0, 64, 512}) {
    auto config = realtime(64);
    config.deadline = deadline;
    const auto stream = fixture.stream(config);
    EXPECT_EQ(stream->latency().stream, 511 + deadline);
    EXPECT_EQ(stream->config().deadline, deadline);
  }
  auto config = realtime(64);
  config.deadline.reset();
  const auto stream = fixture.stream(config);
  const int chosen = *stream->config().deadline;
  EXPECT_GE(chosen, 64);
  EXPECT_LE(chosen, 512);
  EXPECT_EQ(chosen % 128, 0) << "quarters of a model block";
  EXPECT_EQ(stream->latency().stream, 511 + chosen);
}

}  // namespace
}  // namespace nnbridge
