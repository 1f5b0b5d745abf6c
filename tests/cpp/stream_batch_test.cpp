// SPDX-License-Identifier: MIT
//
// What `split_batch` promises, over the stub, which has no rounding of its own; that a real model's
// items are those of streams of their own, to the bit, is in torch_latents_test.cpp.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "support/player.hpp"

namespace nnbridge {
namespace {

using namespace test;

StreamConfig of_three(bool split) {
  auto config = offline();
  config.batch = 3;
  config.split_batch = split;
  config.seed = 40;
  return config;
}

TEST(SplitBatch, MakesACopyForEachItemWithASeedOfItsOwn) {
  Fixture fixture(stub::spec());
  const int before = fixture.knobs().live();
  const auto together = fixture.stream(of_three(false));
  EXPECT_EQ(fixture.knobs().live() - before, 1);
  const auto apart = fixture.stream(of_three(true));
  EXPECT_EQ(fixture.knobs().live() - before, 4);
  EXPECT_EQ(fixture.knobs().seeds(), (std::vector<std::uint64_t>{40, 40, 41, 42}));
}

TEST(SplitBatch, GivesEachItemItsOwnStateAndTheLatencyOfOne) {
  auto spec = stub::spec();
  spec.methods = {stub::method("forward", 2, 2)};
  spec.feedback = 0.5F;
  Fixture fixture(spec);
  const auto apart = fixture.stream(of_three(true));
  const auto in = noise(6, 5000);
  const auto heard = run(*apart, in, cut(5000, 0));
  for (std::size_t item = 0; item < 3; ++item) {
    const auto alone = fixture.stream(offline());
    EXPECT_EQ(alone->latency().stream, apart->latency().stream);
    const auto expected = run(*alone, {in[2 * item], in[2 * item + 1]}, cut(5000, 0));
    EXPECT_EQ(heard[2 * item], expected[0]) << item;
    EXPECT_EQ(heard[2 * item + 1], expected[1]) << item;
  }
}

TEST(SplitBatch, SetsAnAttributeForEveryItem) {
  Fixture fixture(stub::spec());
  const auto stream = fixture.stream(of_three(true));
  stream->set("gain", {0.25});
  const auto in = noise(3, 2000);
  const auto heard = run(*stream, in, cut(2000, 300));
  const auto latency = static_cast<std::size_t>(stream->latency().stream);
  for (std::size_t item = 0; item < 3; ++item) {
    for (std::size_t n = latency; n < 2000; ++n) {
      ASSERT_EQ(heard[item][n], 0.25F * in[item][n - latency]) << item << " " << n;
    }
  }
}

}  // namespace
}  // namespace nnbridge
