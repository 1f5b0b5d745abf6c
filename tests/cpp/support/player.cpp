// SPDX-License-Identifier: MIT
#include "support/player.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <sstream>
#include <thread>

namespace nnbridge::test {

Signal silence(int rows, int frames) {
  return Signal(static_cast<std::size_t>(rows),
                std::vector<float>(static_cast<std::size_t>(frames), 0.0F));
}

Signal ramp(int rows, int frames) {
  auto signal = silence(rows, frames);
  for (std::size_t row = 0; row < signal.size(); ++row) {
    for (std::size_t n = 0; n < signal[row].size(); ++n) {
      signal[row][n] = static_cast<float>(row * 100000 + n + 1);
    }
  }
  return signal;
}

Signal noise(int rows, int frames, unsigned int seed) {
  auto signal = silence(rows, frames);
  std::mt19937 generator(seed);
  constexpr float kHalf = 2147483648.0F;
  for (auto& row : signal) {
    for (auto& sample : row) sample = static_cast<float>(generator()) / kHalf - 1.0F;
  }
  return signal;
}

std::vector<int> cut(int frames, int block) {
  constexpr unsigned int kMost = 2048;
  std::vector<int> sizes;
  std::mt19937 generator(7);
  for (int done = 0; done < frames; done += sizes.back()) {
    // Every other one small: only then do many calls fall into one block.
    const unsigned int most = sizes.size() % 2 == 0 ? kMost : kMost / 32;
    const int size = block > 0 ? block : static_cast<int>(generator() % most) + 1;
    sizes.push_back(std::min(size, frames - done));
  }
  return sizes;
}

Fixture::Fixture(const stub::Spec& spec)
    : program(stub::program(spec)), model(Model::over(program).value()) {}

std::unique_ptr<Stream> Fixture::stream(const StreamConfig& config) const {
  auto made = Stream::prepare(model, config);
  if (!made) ADD_FAILURE() << made.error().message;
  return std::move(made).value();
}

StreamConfig offline(int host_block) {
  StreamConfig config;
  config.host_block = host_block;
  return config;
}

StreamConfig realtime(int host_block) {
  StreamConfig config;
  config.host_block = host_block;
  config.realtime = true;
  config.deadline = host_block;
  return config;
}

void Player::call(const Signal& in, int begin, int frames) {
  const auto batch = static_cast<std::size_t>(stream_.config().batch);
  out_.resize(std::max(out_.size(), batch * static_cast<std::size_t>(stream_.out_channels())));
  std::vector<const float*> from;
  std::vector<float*> to;
  from.reserve(in.size());
  for (const auto& row : in) from.push_back(row.data() + begin);
  for (auto& row : out_) {
    // What was there must not be heard: a stream writes every sample.
    row.resize(static_cast<std::size_t>(played_ + frames), -12345.0F);
    to.push_back(row.data() + played_);
  }
  stream_.process(from.data(), static_cast<int>(from.size()), to.data(),
                  static_cast<int>(to.size()), frames);
  played_ += frames;
}

void Player::play(const Signal& in, const std::vector<int>& sizes) {
  int begin = 0;
  for (const int size : sizes) {
    call(in, begin, size);
    begin += size;
    settle();
  }
}

void Player::settle() {
  while (stream_.stats().pending > 0) std::this_thread::yield();
}

Signal run(Stream& stream, const Signal& in, const std::vector<int>& sizes) {
  Player player(stream);
  player.play(in, sizes);
  return player.out();
}

std::string differs(const Signal& heard, const Signal& expected, int latency) {
  std::ostringstream text;
  if (heard.size() != expected.size()) {
    text << heard.size() << " rows instead of " << expected.size();
    return text.str();
  }
  for (std::size_t row = 0; row < heard.size(); ++row) {
    for (std::size_t n = 0; n < heard[row].size(); ++n) {
      const auto at = static_cast<std::int64_t>(n) - latency;
      if (at >= static_cast<std::int64_t>(expected[row].size())) break;
      const float wanted = at < 0 ? 0.0F : expected[row][static_cast<std::size_t>(at)];
      if (heard[row][n] == wanted) continue;
      text << "row " << row << ", frame " << n << " (latency " << latency << "): " << heard[row][n]
           << " instead of " << wanted;
      return text.str();
    }
  }
  return {};
}

float largest_step(const std::vector<float>& row, int begin, int end) {
  float largest = 0;
  for (int n = std::max(begin, 1); n < end; ++n) {
    const auto at = static_cast<std::size_t>(n);
    largest = std::max(largest, std::abs(row[at] - row[at - 1]));
  }
  return largest;
}

}  // namespace nnbridge::test
