// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.hpp"

/// An engine without torch, whose every sample is known and whose every misbehaviour is asked for.
namespace nnbridge::stub {

/// What a test turns while a stream runs, and what it sees; one for each program. Any thread.
class Knobs {
 public:
  /// From now on the next inference waits before it computes, until the gate opens.
  void close_gate();
  void open_gate();
  /// Returns once an inference waits at the gate.
  void wait_until_held();

  /// The next `count` inferences fail, or leave NaN in the output and in the recurrent state.
  void fail_next(int count) { failures_.store(count); }
  void nan_next(int count) { nans_.store(count); }
  /// The next reset of an instance fails.
  void fail_resets(bool fail) { fail_resets_.store(fail); }

  int live() const { return live_.load(); }        ///< instances alive, a Model's own included
  int runs() const { return runs_.load(); }        ///< inferences ended, warm-up included
  int started() const { return started_.load(); }  ///< the same begun
  int resets() const { return resets_.load(); }
  std::vector<std::string> changes() const;  ///< attributes set, in order: "gain=0.5"
  std::vector<std::uint64_t> seeds() const;  ///< of the instances made
  std::vector<int> sample_rates() const;     ///< told to the instances made

 private:
  friend class StubInstance;
  friend class StubProgram;
  void pass_gate();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
  int held_ = 0;
  std::vector<std::string> changes_;
  std::vector<std::uint64_t> seeds_;
  std::vector<int> sample_rates_;
  std::atomic<int> failures_{0};
  std::atomic<int> nans_{0};
  std::atomic<bool> fail_resets_{false};
  std::atomic<int> live_{0};
  std::atomic<int> runs_{0};
  std::atomic<int> started_{0};
  std::atomic<int> resets_{0};
};

/// Of every output sample y, at the rate of the output's steps:
///
///     y = scale * gain * x + offset + feedback * (the y before)
///
/// with x the input at the same time, `delay` steps ago, of channel (output channel mod inputs).
/// Attributes `gain` and `offset` take part where the spec declares them.
struct Spec {
  std::vector<Method> methods;
  std::vector<Attribute> attributes;
  std::optional<int> sample_rate;
  float scale = 1;
  float feedback = 0;
  int delay = 0;
  std::string path = "stub.ts";
};

/// "forward", audio to audio.
Method method(const std::string& name = "forward", int in_channels = 1, int out_channels = 1,
              int in_ratio = 1, int out_ratio = 1);

/// `forward` with an attribute of every type: gain and offset (float), on (bool), steps (int), name
/// (string), shape (tensor), sample (buffer), pair (float, int), and one that always refuses.
Spec spec();

class Program : public engine::Program {
 public:
  virtual Knobs& knobs() = 0;
};

std::shared_ptr<Program> program(const Spec& spec);

/// The frame of the input that is heard at output frame n, at equal rates and without latency: the
/// last of the group of the last step that counts.
std::int64_t source_frame(std::int64_t n, int in_ratio, int out_ratio);

}  // namespace nnbridge::stub
