// SPDX-License-Identifier: MIT
#include "stream/lane.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <future>

#include "stream/settle.hpp"
#include "stream/worker.hpp"

namespace nnbridge {
namespace {

/// Enough slots for the argument in lane.hpp: the jobs that fall into the latency and one host
/// block, one being written, one being read, and one for each end that is cut.
std::size_t slot_count(const rate::Timeline& timeline, const StreamConfig& config,
                       const Latency& latency) {
  const double frames = latency.stream + config.host_block;
  const double job =
      static_cast<double>(timeline.first_host_frame(timeline.block() * 1024, 1)) / 1024.0;
  return static_cast<std::size_t>(std::ceil(frames / job)) + 4;
}

/// Built and warmed up; `cost` becomes the seconds of an inference where they are measured.
Result<std::unique_ptr<Pipeline>> make_pipeline(engine::Program& program,
                                                const PipelineConfig& config,
                                                const Settings& settings, bool measure,
                                                double& cost) {
  auto pipeline = Pipeline::create(program, config, settings);
  if (!pipeline) return pipeline;
  const auto seconds = (*pipeline)->warm_up(measure);
  if (!seconds) return tl::unexpected(seconds.error());
  cost = *seconds;
  return pipeline;
}

}  // namespace

Result<std::unique_ptr<Lane>> Lane::create(std::shared_ptr<engine::Program> program,
                                           const Settings& settings, const StreamConfig& asked) {
  auto settled = settle(program->contract(), asked);
  if (!settled) return tl::unexpected(settled.error());
  StreamConfig& config = settled->config;
  double cost = 0;
  const bool measure = config.realtime && !config.deadline;
  auto pipeline = make_pipeline(*program, settled->pipeline, settings, measure, cost);
  if (!pipeline && config.batch > 1 && !settled->pipeline.split_batch) {
    // Some models take one item at a time. Then each gets an instance of its own.
    settled->pipeline.split_batch = true;
    if (auto split = make_pipeline(*program, settled->pipeline, settings, measure, cost)) {
      pipeline = std::move(split);
    }
  }
  if (!pipeline) return tl::unexpected(pipeline.error());

  const auto& timeline = (*pipeline)->timeline();
  int deadline = 0;
  if (config.realtime) {
    const auto found = settle_deadline(config, timeline, cost);
    if (!found) return tl::unexpected(found.error());
    deadline = *found;
  }
  config.deadline = deadline;

  const auto declared = settled->pipeline.chain.delay;
  config.model_delay = declared ? declared : config.model_delay;
  Latency latency;
  latency.stream =
      deadline +
      static_cast<int>(timeline.latency(config.fixed_host_block ? config.host_block : 1));
  latency.model_declared = config.model_delay.has_value();
  latency.model = static_cast<int>(std::lround(static_cast<double>(config.model_delay.value_or(0)) *
                                               *config.sample_rate / settled->pipeline.model_rate));
  const auto slots = slot_count(timeline, config, latency);
  const double samples = static_cast<double>(slots) *
                         static_cast<double>((*pipeline)->in_rows() * (*pipeline)->in_stride() +
                                             (*pipeline)->out_rows() * (*pipeline)->out_stride());
  constexpr double kMostSamples = 1 << 28;
  if (samples > kMostSamples) {
    return fail(
        "The stream would need more than a gigabyte for its buffers: ask for a smaller "
        "block, host block, deadline or batch.");
  }
  return std::unique_ptr<Lane>(new Lane(std::move(program), std::move(*pipeline), config, latency,
                                        settled->pipeline.model_rate, slots));
}

Lane::Lane(std::shared_ptr<engine::Program> program, std::unique_ptr<Pipeline> pipeline,
           const StreamConfig& config, Latency latency, int model_rate, std::size_t slots)
    : program_(std::move(program)),
      pipeline_(std::move(pipeline)),
      config_(config),
      latency_(latency),
      block_seconds_(static_cast<double>(*config.block) / model_rate),
      in_(slots, pipeline_->in_rows(), pipeline_->in_stride()),
      out_(slots, pipeline_->out_rows(), pipeline_->out_stride()),
      jobs_(slots),
      concealer_(pipeline_->out_rows()),
      scratch_(pipeline_->out_rows() * static_cast<std::size_t>(config.host_block)) {
  if (config_.late == LatePolicy::kDry) {
    dry_.emplace(pipeline_->in_rows(),
                 static_cast<std::size_t>(latency_.total() + config_.host_block));
  }
  for (std::size_t row = 0; row < pipeline_->out_rows(); ++row) {
    scratch_pointers_.push_back(scratch_.data() +
                                row * static_cast<std::size_t>(config.host_block));
  }
  rewind();
  const auto work = [this] { run_queued(); };
  if (config_.realtime) {
    executor_ = std::make_unique<Worker>(work);
  } else {
    executor_ = std::make_unique<Inline>(work);
  }
}

Lane::~Lane() {
  executor_->stop();
  run_commands();  // those that the worker didn't come to: somebody may wait for the answer
}

/// Everything but the model back to frame 0. No other thread may be in the lane.
void Lane::rewind() noexcept {
  const auto& timeline = pipeline_->timeline();
  in_.clear();
  out_.clear();
  std::int64_t dropped = 0;
  while (jobs_.try_dequeue(dropped)) {
  }
  received_ = 0;
  job_ = 0;
  job_begin_ = 0;
  job_end_ = timeline.inputs_needed(0);
  accepting_ = true;
  queued_ = false;
  played_ = -latency_.stream;
  heard_job_ = 0;
  heard_begin_ = timeline.outputs_ready(0);
  heard_end_ = timeline.outputs_ready(1);
  missed_ = false;
  concealer_.reset();
  if (dry_) dry_->clear();
  next_job_ = 0;
  heard_.store(played_, std::memory_order_relaxed);
  for (auto* counter : {&queued_jobs_, &ended_jobs_, &late_, &failed_, &blocks_, &cost_, &worst_}) {
    counter->store(0, std::memory_order_relaxed);
  }
}

void Lane::reset() {
  std::promise<void> done;
  post([&](Pipeline& pipeline) {
    rewind();
    // `prepare` has done the same with success; should it fail now, the blocks fail and say why.
    (void)pipeline.reset();
    done.set_value();
  });
  done.get_future().wait();
}

void Lane::push(const float* const* in, int in_count, int frames) noexcept {
  if (dry_) keep_dry(in, in_count, frames);
  for (int done = 0; done < frames;) {
    if (received_ == job_begin_) accepting_ = in_.free_for(job_);
    const int piece = static_cast<int>(std::min<std::int64_t>(frames - done, job_end_ - received_));
    if (accepting_) {
      const auto offset = static_cast<std::size_t>(received_ - job_begin_);
      const auto bytes = static_cast<std::size_t>(piece) * sizeof(float);
      for (std::size_t row = 0; row < pipeline_->in_rows(); ++row) {
        float* to = in_.row(job_, row) + offset;
        if (row < static_cast<std::size_t>(in_count)) {
          std::memcpy(to, in[row] + done, bytes);
        } else {
          std::memset(to, 0, bytes);
        }
      }
    }
    received_ += piece;
    done += piece;
    while (received_ == job_end_) finish_job();
  }
  if (queued_) {
    queued_ = false;
    executor_->wake();
  }
}

/// All input of the job is there.
void Lane::finish_job() noexcept {
  if (job_begin_ == job_end_) accepting_ = in_.free_for(job_);
  if (accepting_) {
    in_.publish(job_);
    // Never refused: there is room for as many as there are slots.
    queued_jobs_.fetch_add(1, std::memory_order_relaxed);
    jobs_.try_enqueue(job_);
    queued_ = true;
  }
  ++job_;
  job_begin_ = job_end_;
  job_end_ = pipeline_->timeline().inputs_needed(job_);
}

void Lane::pull(float* const* out, int out_count, int frames) noexcept {
  const auto rows = pipeline_->out_rows();
  const auto heard_rows = static_cast<std::size_t>(out_count);
  for (int done = 0; done < frames;) {
    int piece = frames - done;
    if (played_ < 0) {
      piece = static_cast<int>(std::min<std::int64_t>(piece, -played_));
      for (std::size_t row = 0; row < std::min(rows, heard_rows); ++row) {
        std::memset(out[row] + done, 0, static_cast<std::size_t>(piece) * sizeof(float));
      }
    } else {
      while (played_ >= heard_end_) {
        ++heard_job_;
        heard_begin_ = heard_end_;
        heard_end_ = pipeline_->timeline().outputs_ready(heard_job_ + 1);
        missed_ = false;
      }
      piece = static_cast<int>(std::min<std::int64_t>(piece, heard_end_ - played_));
      bool good = out_.holds(heard_job_);
      if (!good && !missed_ && !out_.failed(heard_job_)) {
        missed_ = true;
        late_.fetch_add(1, std::memory_order_relaxed);
      }
      const std::int64_t dry_frame = played_ - latency_.model;
      if (dry_) {
        // Before the input's first frame there is silence.
        piece = dry_frame < 0 ? static_cast<int>(std::min<std::int64_t>(piece, -dry_frame))
                              : dry_->contiguous(dry_frame, piece);
      }
      const auto offset = static_cast<std::size_t>(played_ - heard_begin_);
      if (good && static_cast<int>(offset) < out_.unsound(heard_job_)) {
        good = false;
        piece = std::min(piece, out_.unsound(heard_job_) - static_cast<int>(offset));
      }
      for (std::size_t row = 0; row < rows; ++row) {
        concealer_.render(row, good ? out_.row(heard_job_, row) + offset : nullptr,
                          dry_row(row, dry_frame), row < heard_rows ? out[row] + done : nullptr,
                          piece);
      }
      concealer_.advance(good, piece);
    }
    played_ += piece;
    done += piece;
  }
  heard_.store(played_, std::memory_order_release);
}

void Lane::keep_dry(const float* const* in, int in_count, int frames) noexcept {
  for (std::size_t row = 0; row < pipeline_->in_rows(); ++row) {
    dry_->write(row, received_, row < static_cast<std::size_t>(in_count) ? in[row] : nullptr,
                frames);
  }
}

/// The input that stands in for an output: the same channel of the same item, or the item's
/// channels in turn where it has fewer.
const float* Lane::dry_row(std::size_t out_row, std::int64_t frame) const noexcept {
  if (!dry_ || frame < 0) return nullptr;
  const auto batch = static_cast<std::size_t>(config_.batch);
  const std::size_t outputs = pipeline_->out_rows() / batch;
  const std::size_t inputs = pipeline_->in_rows() / batch;
  return dry_->read(out_row / outputs * inputs + out_row % outputs % inputs, frame);
}

void Lane::post(Command command) {
  const std::lock_guard lock(post_mutex_);
  commands_.enqueue(std::move(command));
  executor_->wake();
}

void Lane::run_commands() noexcept {
  Command command;
  while (commands_.try_dequeue(command)) command(*pipeline_);
}

void Lane::run_queued() noexcept {
  std::int64_t k = 0;
  run_commands();
  while (!executor_->stopping() && jobs_.try_dequeue(k)) {
    run_job(k);
    run_commands();
  }
}

void Lane::run_job(std::int64_t k) noexcept {
  using Clock = std::chrono::steady_clock;
  for (; next_job_ < k; ++next_job_) pipeline_->skip(next_job_);
  next_job_ = k + 1;
  // A result that can't be heard any more is not worth its time: a worker that fell behind would
  // stay behind.
  if (pipeline_->timeline().outputs_ready(k + 1) < heard_.load(std::memory_order_acquire)) {
    pipeline_->skip(k);
    in_.release(k);
    ended_jobs_.fetch_add(1, std::memory_order_release);
    return;
  }
  const auto before = Clock::now();
  const bool done = pipeline_->run(k, in_.rows(k), out_.rows(k));
  const auto cost =
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - before).count();
  in_.release(k);
  if (done) {
    out_.publish(k, pipeline_->unsound());
  } else {
    failed_.fetch_add(1, std::memory_order_relaxed);
    out_.publish_failure(k);
  }
  blocks_.fetch_add(1, std::memory_order_relaxed);
  cost_.fetch_add(cost, std::memory_order_relaxed);
  worst_.store(std::max<std::int64_t>(worst_.load(std::memory_order_relaxed), cost),
               std::memory_order_relaxed);
  ended_jobs_.fetch_add(1, std::memory_order_release);
}

Stats Lane::stats() const {
  Stats stats;
  const auto ended = ended_jobs_.load(std::memory_order_acquire);
  stats.pending = queued_jobs_.load(std::memory_order_relaxed) - ended;
  stats.blocks = blocks_.load(std::memory_order_relaxed);
  stats.late = late_.load(std::memory_order_relaxed);
  stats.failed = failed_.load(std::memory_order_relaxed);
  if (stats.blocks > 0) {
    stats.mean_cost = 1e-9 * static_cast<double>(cost_.load(std::memory_order_relaxed)) /
                      static_cast<double>(stats.blocks);
  }
  stats.worst_cost = 1e-9 * static_cast<double>(worst_.load(std::memory_order_relaxed));
  stats.load = stats.mean_cost / block_seconds_;
  stats.last_failure = pipeline_->last_failure();
  return stats;
}

}  // namespace nnbridge
