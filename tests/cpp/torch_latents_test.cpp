// SPDX-License-Identifier: MIT
//
// What lies between encoder and decoder can be changed there, and the items of a split batch are
// those of streams of their own. With models whose every sample can be told beforehand.
#include <gtest/gtest.h>
#include <torch/script.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "support/player.hpp"
#include "support/temporary.hpp"

namespace nnbridge {
namespace {

using namespace test;

constexpr int kRatio = 4;
constexpr int kFrames = 6000;

/// A TorchScript file for as long as it lives.
class File {
 public:
  File(torch::jit::Module& module, const std::string& name)
      : path_(temporary_folder() / (name + ".ts")) {
    module.save(path_.string());
  }
  ~File() { std::filesystem::remove(path_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  std::unique_ptr<Stream> stream(const StreamConfig& config) const {
    auto model = Model::open(path_);
    if (!model) throw std::runtime_error(model.error().message);
    auto made = Stream::prepare(*model, config);
    if (!made) throw std::runtime_error(made.error().message);
    return std::move(made).value();
  }

 private:
  std::filesystem::path path_;
};

void register_method(torch::jit::Module& module, const std::string& name, const std::string& code,
                     const std::vector<std::int64_t>& parameters) {
  module.register_buffer(name + "_params", torch::tensor(parameters));
  module.define(code);
}

/// x becomes the latent values x and -x, and these become z0 + 10 z1. The encoder keeps what it
/// gave, and the next time adds its last values' sum: nothing, unless somebody has written there.
File codec() {
  torch::jit::Module module("Codec");
  module.register_buffer("kept", torch::zeros({1, 1, 1}));
  register_method(module, "encode", R"(
def encode(self, x):
    z = torch.cat([x[:, :, 3::4], -x[:, :, 3::4]], 1)
    z = z + self.kept[:, :, -1:].sum(1, keepdim=True)
    self.kept = z
    return z
)",
                  {1, 1, 2, kRatio});
  register_method(module, "decode", R"(
def decode(self, z):
    return (z[:, :1] + 10.0 * z[:, 1:]).repeat_interleave(4, 2)
)",
                  {2, kRatio, 1, 1});
  register_method(module, "forward", R"(
def forward(self, x):
    return self.decode(self.encode(x))
)",
                  {1, 1, 1, 1});
  return {module, "codec"};
}

/// Doubles channel c's value of step s and adds 3 c + s: whole numbers, exact in float.
class Ladder final : public LatentEdit {
 public:
  void edit(float* values, int channels, int steps, std::int64_t first_step) noexcept override {
    for (int channel = 0; channel < channels; ++channel) {
      for (int step = 0; step < steps; ++step) {
        float& value = values[channel * steps + step];
        value = 2.0F * value + static_cast<float>(3 * channel + first_step + step);
      }
    }
    calls.emplace_back(channels, steps, first_step);
  }

  std::vector<std::tuple<int, int, std::int64_t>> calls;
};

/// What `codec` and `Ladder` together make of x at latent step s: z0 = 2 x + s and
/// z1 = -2 x + 3 + s, thus z0 + 10 z1 = -18 x + 30 + 11 s.
Signal edited(const Signal& in) {
  Signal out = in;
  for (std::size_t row = 0; row < in.size(); ++row) {
    for (std::size_t n = 0; n < in[row].size(); ++n) {
      const std::size_t step = n / kRatio;
      const float x = in[row][step * kRatio + kRatio - 1];
      out[row][n] = -18.0F * x + 30.0F + 11.0F * static_cast<float>(step);
    }
  }
  return out;
}

class LatentEdits : public testing::Test {
 protected:
  LatentEdits() : file_(codec()), ladder_(std::make_shared<Ladder>()) {}

  StreamConfig config(const std::string& method) const {
    auto config = offline();
    config.method = method;
    config.latents = ladder_;
    return config;
  }

  File file_;
  std::shared_ptr<Ladder> ladder_;
};

TEST_F(LatentEdits, ChangeWhatTheDecoderGetsStepByStep) {
  const auto stream = file_.stream(config("encode+decode"));
  const auto in = ramp(1, kFrames);
  const auto heard = run(*stream, in, cut(kFrames, 0));
  EXPECT_EQ(differs(heard, edited(in), stream->latency().stream), "");
}

TEST_F(LatentEdits, AreCalledAtTheLatentRateWithTheStepsCounted) {
  auto asked = config("encode+decode");
  asked.block = 512;
  const auto stream = file_.stream(asked);
  ladder_->calls.clear();  // the warm-up's
  run(*stream, ramp(1, 1536), cut(1536, 512));
  const std::vector<std::tuple<int, int, std::int64_t>> expected{
      {2, 128, 0}, {2, 128, 128}, {2, 128, 256}};
  EXPECT_EQ(ladder_->calls, expected);
}

TEST_F(LatentEdits, CountFromZeroAgainAfterAReset) {
  const auto stream = file_.stream(config("encode+decode"));
  const auto in = ramp(1, kFrames);
  const auto first = run(*stream, in, cut(kFrames, 300));
  stream->reset();
  EXPECT_EQ(run(*stream, in, cut(kFrames, 300)), first);
}

TEST_F(LatentEdits, ReachADecoderOnItsOwn) {
  const auto stream = file_.stream(config("decode"));
  const auto heard = run(*stream, silence(2, kFrames), cut(kFrames, 500));
  EXPECT_EQ(differs(heard, edited(silence(1, kFrames)), stream->latency().stream), "");
}

TEST_F(LatentEdits, LeaveAloneWhatLiesAtTheAudioRate) {
  for (const std::string method : {"forward", "encode"}) {
    auto asked = config(method);
    const auto with = file_.stream(asked);
    ladder_->calls.clear();
    const auto in = ramp(1, kFrames);
    const auto heard = run(*with, in, cut(kFrames, 500));
    EXPECT_TRUE(ladder_->calls.empty()) << method;
    asked.latents = nullptr;
    EXPECT_EQ(heard, run(*file_.stream(asked), in, cut(kFrames, 500))) << method;
  }
}

TEST_F(LatentEdits, AreTheSameForEveryItem) {
  for (const bool split : {false, true}) {
    auto asked = config("encode+decode");
    asked.batch = 2;
    asked.split_batch = split;
    const auto stream = file_.stream(asked);
    const auto in = ramp(2, kFrames);
    const auto heard = run(*stream, in, cut(kFrames, 0));
    EXPECT_EQ(differs(heard, edited(in), stream->latency().stream), "") << split;
  }
}

/// A recurrent network, whose matrix products are rounded otherwise in a batch than one by one.
File recurrent() {
  torch::jit::Module module("Recurrent");
  torch::manual_seed(3);
  module.register_buffer("weight", torch::randn({64, 64}) * 0.1);
  module.register_buffer("last", torch::zeros({1, 64}));
  register_method(module, "forward", R"(
def forward(self, x):
    if self.last.size(0) != x.size(0):
        self.last = torch.zeros([x.size(0), 64])
    state = self.last
    heard = []
    for chunk in x.split(64, 2):
        state = torch.tanh(torch.mm(state, self.weight) + chunk[:, 0])
        heard.append(state.unsqueeze(1))
    self.last = state
    return torch.cat(heard, 2)
)",
                  {1, 1, 1, 1});
  return {module, "recurrent"};
}

TEST(SplitBatch, GivesEveryItemTheSamplesOfAStreamOfItsOwn) {
  const auto file = recurrent();
  auto asked = offline();
  asked.batch = 8;
  asked.split_batch = true;
  const auto in = noise(8, kFrames);
  const auto heard = run(*file.stream(asked), in, cut(kFrames, 700));
  for (std::size_t item = 0; item < in.size(); ++item) {
    const auto alone = run(*file.stream(offline()), {in[item]}, cut(kFrames, 700));
    EXPECT_EQ(heard[item], alone[0]) << item;
  }
}

}  // namespace
}  // namespace nnbridge
