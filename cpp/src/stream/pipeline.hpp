// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.hpp"
#include "rate/resampler.hpp"
#include "rate/timeline.hpp"

namespace nnbridge {

struct PipelineConfig {
  Chain chain;
  int batch = 1;
  bool split_batch = false;  ///< an instance for each item
  int block = 1;             ///< model frames
  int host_rate = 44100;
  int model_rate = 44100;  ///< equal to the host's where nothing is resampled
  std::optional<std::uint64_t> seed;
  std::shared_ptr<LatentEdit> latents;
};

/// Attribute changes in the order they were made, to be repeated after a reset.
using Settings = std::vector<std::pair<std::string, std::vector<Value>>>;

/// Adds a change; an earlier one of the same attribute is forgotten.
void remember(Settings& settings, const std::string& attribute, const std::vector<Value>& values);

/// From the host's frames of one job to the host's frames it yields: resampling or decimation, the
/// model, resampling or holding. It runs on the worker, or inline on the calling thread; one thread
/// at a time.
///
/// Rows are batch-major, `[batch * channels, frames]`. Job k takes the host frames
/// `[T(k-1), T(k))` and gives `[O(k), O(k+1))`, as the timeline says.
class Pipeline {
 public:
  static Result<std::unique_ptr<Pipeline>> create(engine::Program& program,
                                                  const PipelineConfig& config,
                                                  const Settings& settings);

  /// Runs the model three times with the real shapes, since the first calls of each shape are slow,
  /// then goes back to the pristine state. With `measure`, a few times more, and returns the
  /// seconds that the fastest call took: the figure that a machine's other load disturbs least.
  Result<double> warm_up(bool measure);

  /// Runs job k, which must follow the last one run or skipped. `in` and `out` hold rows that are
  /// `in_stride` and `out_stride` apart. False: the model failed, and `out` is undefined.
  bool run(std::int64_t k, const float* in, float* out) noexcept;

  /// How many of the first frames of the job that was run are not to be heard: where a failed or
  /// lost block lies within reach of the resampling filters, they ring with its edges.
  int unsound() const noexcept { return unsound_; }

  /// Passes over a job whose input was lost or whose output comes too late to be heard.
  void skip(std::int64_t k) noexcept;

  /// Pristine state, with the settings made so far, and empty resamplers.
  Result<void> reset() noexcept;

  /// Pristine state of the model, with the settings made so far.
  Result<void> reset_model() noexcept;

  Result<void> set(const std::string& attribute, const std::vector<Value>& values) noexcept;
  Result<std::vector<Value>> get(const std::string& attribute) noexcept;

  const rate::Timeline& timeline() const noexcept { return timeline_; }
  std::size_t in_rows() const noexcept { return in_rows_; }
  std::size_t out_rows() const noexcept { return out_rows_; }
  std::size_t in_stride() const noexcept { return in_stride_; }
  std::size_t out_stride() const noexcept { return out_stride_; }

  /// The model's words at its latest failure. [any thread but audio]
  std::string last_failure() const;

 private:
  using Instances = std::vector<std::unique_ptr<engine::Instance>>;

  Pipeline(Instances instances, const PipelineConfig& config, const Settings& settings);

  Result<void> apply_settings() noexcept;
  Result<void> run_model(const float* in, float* out) noexcept;

  const float* to_model(std::int64_t k, const float* in) noexcept;
  void to_host(std::int64_t k, float* out) noexcept;
  void resample_in(const float* const* in, int frames) noexcept;
  void note_failure(std::string message) noexcept;
  int reach_of_failure() const noexcept;
  int reach_of_loss() const noexcept;

  Instances instances_;
  PipelineConfig config_;
  rate::Timeline timeline_;
  Settings settings_;
  std::size_t in_rows_;
  std::size_t out_rows_;
  std::size_t in_stride_;
  std::size_t out_stride_;
  bool direct_in_;   // the host's rows are the model's input as they lie
  bool direct_out_;  // the model's output is the host's rows as it lies
  std::vector<float> model_in_;
  std::vector<float> model_out_;
  std::optional<rate::Resampler> resampler_in_;
  std::optional<rate::Resampler> resampler_out_;
  int unsound_ = 0;       // of the job run last
  int unsound_left_ = 0;  // of those that follow
  std::vector<const float*> in_pointers_;
  std::vector<float*> out_pointers_;
  std::vector<float> previous_;  // the last host frame of the job before, of each row
  std::vector<float> silence_;
  std::vector<float> discarded_;
  mutable std::mutex failure_mutex_;
  std::string last_failure_;
};

}  // namespace nnbridge
