// SPDX-License-Identifier: MIT
#pragma once

#include <readerwriterqueue/readerwriterqueue.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "nnbridge/stream.hpp"
#include "stream/concealer.hpp"
#include "stream/dry_line.hpp"
#include "stream/executor.hpp"
#include "stream/pipeline.hpp"
#include "stream/slots.hpp"

namespace nnbridge {

/// One method of one model with everything around it: the way from the audio thread to the worker
/// and back. A stream has one lane, and two while one model fades into another.
///
/// The audio thread cuts its input into jobs, writes each into a slot, and queues its number. The
/// worker (offline: the same thread, when a call has brought all its input) runs queued jobs in
/// order and publishes each result in a slot of its own. Positions are
/// absolute frame numbers on both sides, so a block that is late or lost leaves a hole in its place
/// and moves nothing.
///
/// Why no slot is written while it is read. Let a ring have S slots. The worker writes the result
/// of job k only after the audio thread has queued job k, that is once T(k) frames were received;
/// by then all but `host_block` of the frames before T(k) - latency have been played. S is made
/// large enough that the result which last lay in the slot, of job k - S, ends before that. In the
/// other direction the audio thread writes an input slot only after the worker has released it.
class Lane {
 public:
  static Result<std::unique_ptr<Lane>> create(std::shared_ptr<engine::Program> program,
                                              const Settings& settings, const StreamConfig& config);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // [audio]
  void push(const float* const* in, int in_count, int frames) noexcept;
  void pull(float* const* out, int out_count, int frames) noexcept;
  /// Whether output has begun, the first frames being the silence of the latency.
  bool sounding() const noexcept { return played_ >= 0; }
  int out_rows() const noexcept { return static_cast<int>(pipeline_->out_rows()); }
  /// One row for every output, `host_block` frames each: where a lane that fades in plays to.
  float* const* scratch() noexcept { return scratch_pointers_.data(); }

  // [control]
  using Command = std::function<void(Pipeline&)>;
  /// Runs a command between two blocks: on the worker, or, offline, at once.
  void post(Command command);
  void reset();  // audio stopped
  const StreamConfig& config() const { return config_; }
  Latency latency() const { return latency_; }
  Stats stats() const;
  int in_channels() const { return static_cast<int>(pipeline_->in_rows()) / config_.batch; }
  int out_channels() const { return static_cast<int>(pipeline_->out_rows()) / config_.batch; }

 private:
  Lane(std::shared_ptr<engine::Program> program, std::unique_ptr<Pipeline> pipeline,
       const StreamConfig& config, Latency latency, int model_rate, std::size_t slots);

  void rewind() noexcept;
  void finish_job() noexcept;
  const float* dry_row(std::size_t out_row, std::int64_t frame) const noexcept;
  void keep_dry(const float* const* in, int in_count, int frames) noexcept;
  void run_commands() noexcept;
  void run_queued() noexcept;
  void run_job(std::int64_t k) noexcept;

  std::shared_ptr<engine::Program> program_;  // outlives its instances in the pipeline
  std::unique_ptr<Pipeline> pipeline_;
  StreamConfig config_;
  Latency latency_;
  double block_seconds_;

  Slots in_;
  Slots out_;
  moodycamel::ReaderWriterQueue<std::int64_t> jobs_;

  // Audio thread's own. Frame numbers count from the start of the stream.
  std::int64_t received_ = 0;   // input frames taken
  std::int64_t job_ = 0;        // being filled
  std::int64_t job_end_ = 0;    // T(job)
  std::int64_t job_begin_ = 0;  // T(job - 1)
  bool accepting_ = true;       // the job has a slot
  bool queued_ = false;         // a job was queued in this call
  std::int64_t played_ = 0;     // output frames given, less the latency
  std::int64_t heard_job_ = 0;  // being played
  std::int64_t heard_begin_ = 0;
  std::int64_t heard_end_ = 0;
  bool missed_ = false;  // the job being played is counted as late
  Concealer concealer_;
  std::optional<DryLine> dry_;
  std::vector<float> scratch_;
  std::vector<float*> scratch_pointers_;

  // Between the threads.
  std::atomic<std::int64_t> heard_{0};  // = played_
  std::atomic<std::int64_t> queued_jobs_{0};
  std::atomic<std::int64_t> ended_jobs_{0};  // run, or passed over
  std::atomic<std::int64_t> late_{0};
  std::atomic<std::int64_t> failed_{0};
  std::atomic<std::int64_t> blocks_{0};
  std::atomic<std::int64_t> cost_{0};  // nanoseconds, all blocks
  std::atomic<std::int64_t> worst_{0};

  // The executor's own.
  std::int64_t next_job_ = 0;

  std::mutex post_mutex_;  // several control threads may post
  moodycamel::ReaderWriterQueue<Command> commands_;
  std::unique_ptr<Executor> executor_;
};

}  // namespace nnbridge
