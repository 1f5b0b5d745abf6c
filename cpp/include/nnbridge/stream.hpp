// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nnbridge/contract.hpp"
#include "nnbridge/latents.hpp"
#include "nnbridge/model.hpp"
#include "nnbridge/result.hpp"

/// Threads
/// -------
/// [audio]    calls `process` and nothing else. It copies and moves atomic indices: it allocates
///            nothing, locks nothing, frees nothing, prints nothing and never waits. Waking the
///            worker is the one system call it may make. (An offline stream runs the model inside
///            `process`, and then promises nothing of the kind.)
/// [worker]   one per realtime stream, inside it. It runs the model, and between blocks applies
///            attribute changes in the order given.
/// [control]  everything else, from any thread but the audio thread. Functions marked [control]
///            may run while `process` runs, except where "audio stopped" is added: then no
///            `process` may be under way.
///
/// Latency
/// -------
/// The stream's own latency is what buffering, the deadline and resampling add. It is known before
/// the first block, constant, and exact to the sample for every host rate and every size of host
/// block, changing ones included. The model's is what its file declares.
namespace nnbridge {

/// What is heard in place of a block that came late, failed, or was not finite.
enum class LatePolicy : std::uint8_t {
  kSilence,
  kDry,  ///< the input, delayed to match; for methods that take and give audio
};

/// How a stream runs. Validated once, in `Stream::prepare`, and constant from then on.
struct StreamConfig {
  std::string method = "forward";  ///< or a chain, "encode+decode"

  // The host.
  std::optional<int> sample_rate;  ///< Hz; none: the model's own, or 44100 where it has none
  int host_block = 1024;           ///< frames of the largest call to `process` to expect
  bool fixed_host_block = false;   ///< every call brings exactly `host_block` frames: less latency
  int burst = 0;  ///< frames that calls back to back may bring, where that is more than one call's
  bool realtime = false;  ///< run the model on the worker instead of inside `process`
  int batch = 1;          ///< independent items, each with its own state
  /// A copy of the model for each item: every item's samples are then those of a stream of its own,
  /// to the bit, where a batch may be rounded otherwise.
  bool split_batch = false;

  // The model.
  std::optional<int> block;           ///< model block asked for, in samples at its rate; none: 512
  bool resample = true;               ///< convert between host and model rate where they differ
  std::optional<int> model_delay;     ///< for a file that declares none, in samples at its rate
  std::optional<std::uint64_t> seed;  ///< of the model's random draws; device cpu, one at a time
  std::shared_ptr<LatentEdit> latents;  ///< none: untouched

  // What happens to late blocks. Realtime only.
  std::optional<int> deadline;  ///< frames at the host's rate; none: from the cost measured
  LatePolicy late = LatePolicy::kSilence;
};

/// In frames at the host's rate.
struct Latency {
  int stream = 0;
  int model = 0;
  bool model_declared = false;  ///< false: the file doesn't say, and 0 is a guess
  int total() const { return stream + model; }
};

/// Counters since `prepare` or `reset`.
struct Stats {
  std::int64_t blocks = 0;  ///< inferences finished
  std::int64_t late = 0;    ///< blocks not ready when they had to be heard
  std::int64_t failed = 0;  ///< blocks whose inference failed or was not finite
  /// Blocks that wait for a worker, the one it runs included; also for what is fading out.
  std::int64_t pending = 0;
  double mean_cost = 0;      ///< seconds per inference, resampling included
  double worst_cost = 0;     ///< seconds
  double load = 0;           ///< mean cost as a share of the time there is
  std::string last_failure;  ///< the model's own words, or empty
};

/// Runs one method of a model on a host's buffers.
class Stream {
 public:
  /// [control] Opens a stream: checks the configuration, warms the model up with the real shapes,
  /// allocates everything.
  static Result<std::unique_ptr<Stream>> prepare(const Model& model, const StreamConfig& config);

  /// [control, audio stopped] Waits for an inference in flight and leaves nothing behind.
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// [audio] Takes `frames` frames and gives as many. Channels are planar; with a batch, item b's
  /// channel c is `in[b * in_channels() + c]`, and likewise going out. Fewer inputs than the method
  /// has count as silence, further ones are ignored; further outputs are cleared. Inputs and
  /// outputs may be the same memory. Any number of frames is legal, 0 included; more than
  /// `host_block` are taken in pieces.
  void process(const float* const* in, int in_count, float* const* out, int out_count,
               int frames) noexcept;

  /// [control, audio stopped] Back to the state after `prepare`: the model's pristine state with
  /// the attributes set since, empty buffers, counters at zero.
  void reset();

  /// [control] The model's pristine state alone, between two blocks, while audio runs.
  std::future<Result<void>> reset_model();

  /// [control] Sets an attribute between two blocks; changes are applied in the order given. The
  /// future holds the model's answer. Never blocks.
  std::future<Result<void>> set(const std::string& attribute, std::vector<Value> values);

  /// [control] Reads an attribute between two blocks.
  std::future<Result<std::vector<Value>>> get(const std::string& attribute);

  /// [control] Another model, method, block, deadline or policy, prepared and warmed here, then
  /// crossfaded in on the audio thread. The host's side of the configuration (rate, host block,
  /// batch, realtime) must stay. The attributes are those set on `model`. On an error the stream
  /// plays on unchanged.
  Result<void> swap(const Model& model, const StreamConfig& config);

  /// [control] Whether the last `swap` is fully heard. Also frees what it replaced.
  bool settled();

  /// [control] Of the latest configuration, also while it is still being faded in.
  Latency latency() const;
  Stats stats() const;
  StreamConfig config() const;  ///< with every default resolved
  int in_channels() const;      ///< of the method
  int out_channels() const;

 private:
  class Impl;
  explicit Stream(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace nnbridge
