// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace nnbridge::rate {

// What travels on a side of a method: audio is resampled when the rates differ; a latent is held.
enum class Signal { kAudio, kLatent };

struct TimelineConfig {
  int host_rate = 48000;   // Hz, at least 1
  int model_rate = 48000;  // Hz, at least 1; equal to host_rate when nothing is resampled
  std::int64_t block = 1;  // B: model frames for each inference, at least 1
  Signal input = Signal::kAudio;
  Signal output = Signal::kAudio;
};

// When things can happen in a stream, in whole frames.
//
// The host's and the model's time axes coincide: host frame n is at model time n * p / q, model
// frame j at host time j * q / p, where p / q = model_rate / host_rate in lowest terms. All delay
// is scheduling. Job k runs model block k; it consumes the host frames [T_{k-1}, T_k) and makes the
// host frames [O_k, O_{k+1}) ready, T_k = inputs_needed(k) and O_k = outputs_ready(k). With h_in
// and h_out the reach of the resampling kernel (rate/kernel.hpp; 1 at equal rates):
//
//   audio in     the last model frame of block k, j = (k+1)B - 1, needs the host frames before
//                ceil(j q/p) + h_in                            T_k = ceil(((k+1)B - 1) q/p) + h_in
//   latent in    the last step of block k takes the last host frame n with floor(n p/q) <= (k+1)B -
//   1
//                                                              T_k = ceil((k+1)B q/p)
//   audio out    host frame n needs model frames before ceil(n p/q) + h_out, of which there are kB:
//                n p/q <= kB - h_out                           O_k = floor((kB - h_out) q/p) + 1
//   latent out   host frame n shows model frame floor(n p/q) <= kB - 1
//                                                              O_k = ceil(kB q/p)
//
// O_k is not below 0. At equal rates all this is T_k = (k+1)B and O_k = kB.
//
// Everything is whole-number arithmetic on absolute indices: nothing accumulates, nothing drifts.
class Timeline {
 public:
  explicit Timeline(const TimelineConfig& config) noexcept;

  // T_k: host frames that must have arrived, since the start, for model block k to run. k >= 0;
  // k = -1 gives 0, so that a job always consumes T_k - T_{k-1}.
  [[nodiscard]] std::int64_t inputs_needed(std::int64_t k) const noexcept;

  // O_k: host frames of output that exist, since the start, once the blocks 0 .. k-1 have run.
  [[nodiscard]] std::int64_t outputs_ready(std::int64_t k) const noexcept;

  // The most that one job can consume and produce.
  [[nodiscard]] std::int64_t most_inputs() const noexcept;
  [[nodiscard]] std::int64_t most_outputs() const noexcept;

  // The smallest delay, in host frames, with which no output is ever missing when each block runs
  // as soon as its input is there. `granularity`: 1 when calls may have any length, N when every
  // call has exactly N frames. Then, with all calls up to frame e = cN < T_k over and block k not
  // yet run, the output up to e, delayed, must be ready: e - L <= O_k. The latest such e gives
  //
  //     L = max over k of floor((T_k - 1) / N) * N - O_k.
  //
  // Costs at most p steps, p <= model_rate: work for the control thread.
  [[nodiscard]] std::int64_t latency(std::int64_t granularity) const noexcept;

  // Latent edges. `ratio` is model frames for each step. Step s shows from its first host frame on,
  // going out, and is read from its last host frame, going in; the first of s + 1 follows the last
  // of s. When the host is slower than the latent, a step may have no frame of its own: then it is
  // read from the same frame as its predecessor (last < first) and never shown.
  [[nodiscard]] std::int64_t first_host_frame(std::int64_t step, std::int64_t ratio) const noexcept;
  [[nodiscard]] std::int64_t last_host_frame(std::int64_t step, std::int64_t ratio) const noexcept;
  // The step that is current at host frame n.
  [[nodiscard]] std::int64_t step_at(std::int64_t n, std::int64_t ratio) const noexcept;

  [[nodiscard]] std::int64_t block() const noexcept { return block_; }
  [[nodiscard]] bool resamples() const noexcept { return up_ != down_; }

 private:
  [[nodiscard]] std::int64_t outputs_unclipped(std::int64_t k) const noexcept;

  std::int64_t up_;    // p
  std::int64_t down_;  // q
  std::int64_t block_;
  Signal input_;
  Signal output_;
  std::int64_t half_in_;
  std::int64_t half_out_;
};

}  // namespace nnbridge::rate
