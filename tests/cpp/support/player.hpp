// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nnbridge/stream.hpp"
#include "support/stub_engine.hpp"

/// Plays signals through streams. Nothing here depends on the clock: where a realtime stream must
/// be on time, the player waits for its worker after every call.
namespace nnbridge::test {

/// [row][frame]
using Signal = std::vector<std::vector<float>>;

Signal silence(int rows, int frames);
/// Row r, frame n: r * 100000 + n + 1, so that every sample says where it comes from. Exact in
/// float.
Signal ramp(int rows, int frames);
/// The same in every run, different in every row.
Signal noise(int rows, int frames, unsigned int seed = 1);

/// Sizes of host blocks that add up to `frames`; 0 stands for sizes that change at every call, from
/// 1 to 2048.
std::vector<int> cut(int frames, int block);

/// A model over a stub, which the test can reach.
struct Fixture {
  std::shared_ptr<stub::Program> program;
  Model model;
  explicit Fixture(const stub::Spec& spec);
  stub::Knobs& knobs() { return program->knobs(); }
  std::unique_ptr<Stream> stream(const StreamConfig& config) const;
};

/// Blocks of 512 at 44100 Hz, at most `host_block` frames a call.
StreamConfig offline(int host_block = 2048);
/// On a worker, with a deadline of one call: on time when each call finds the worker idle.
StreamConfig realtime(int host_block = 512);

class Player {
 public:
  explicit Player(Stream& stream) : stream_(stream) {}

  /// Without waiting for the worker.
  void call(const Signal& in, int begin, int frames);
  /// The calls that `sizes` says, waiting for the worker after each.
  void play(const Signal& in, const std::vector<int>& sizes);
  /// Waits until the worker has nothing left to do.
  void settle();

  int played() const { return played_; }
  const Signal& out() const { return out_; }

 private:
  Stream& stream_;
  Signal out_;
  int played_ = 0;
};

/// A whole signal in one go. Realtime streams are waited for.
Signal run(Stream& stream, const Signal& in, const std::vector<int>& sizes);

/// The first `latency` frames are silence, then `expected` follows, to the bit; else says where
/// not.
std::string differs(const Signal& heard, const Signal& expected, int latency);

/// The largest step between neighbouring samples of [begin, end).
float largest_step(const std::vector<float>& row, int begin, int end);

}  // namespace nnbridge::test
