// SPDX-License-Identifier: MIT
#include "stream/pipeline.hpp"

#include <algorithm>
#include <bit>
#include <chrono>

#include "rate/hold.hpp"
#include "rate/ratio.hpp"

namespace nnbridge {
namespace {

rate::Signal signal_of(int ratio) {
  return ratio == 1 ? rate::Signal::kAudio : rate::Signal::kLatent;
}

rate::Timeline timeline_of(const PipelineConfig& config) {
  return rate::Timeline({.host_rate = config.host_rate,
                         .model_rate = config.model_rate,
                         .block = config.block,
                         .input = signal_of(config.chain.in_ratio()),
                         .output = signal_of(config.chain.out_ratio())});
}

/// Written so that it compiles to a few vector instructions: no branch inside.
bool all_finite(const float* begin, std::size_t count) noexcept {
  constexpr std::uint32_t kExponent = 0x7f800000;
  std::uint32_t broken = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(begin[i]);
    broken |= static_cast<std::uint32_t>((bits & kExponent) == kExponent);
  }
  return broken == 0;
}

}  // namespace

void remember(Settings& settings, const std::string& attribute, const std::vector<Value>& values) {
  std::erase_if(settings, [&](const auto& setting) { return setting.first == attribute; });
  settings.emplace_back(attribute, values);
}

Result<std::unique_ptr<Pipeline>> Pipeline::create(engine::Program& program,
                                                   const PipelineConfig& config,
                                                   const Settings& settings) {
  Instances instances;
  const int count = config.split_batch ? config.batch : 1;
  for (int item = 0; item < count; ++item) {
    engine::InstanceConfig wanted{.chain = config.chain,
                                  .batch = config.batch / count,
                                  .block = config.block,
                                  .sample_rate = config.model_rate,
                                  .seed = config.seed,
                                  .latents = config.latents};
    if (wanted.seed) *wanted.seed += static_cast<std::uint64_t>(item);
    auto instance = program.instance(wanted);
    if (!instance) return tl::unexpected(instance.error());
    instances.push_back(std::move(*instance));
  }
  std::unique_ptr<Pipeline> pipeline(new Pipeline(std::move(instances), config, settings));
  if (auto ready = pipeline->apply_settings(); !ready) return tl::unexpected(ready.error());
  return pipeline;
}

Pipeline::Pipeline(Instances instances, const PipelineConfig& config, const Settings& settings)
    : instances_(std::move(instances)),
      config_(config),
      timeline_(timeline_of(config)),
      settings_(settings),
      in_rows_(static_cast<std::size_t>(config.batch * config.chain.in_channels())),
      out_rows_(static_cast<std::size_t>(config.batch * config.chain.out_channels())),
      in_stride_(static_cast<std::size_t>(timeline_.most_inputs())),
      out_stride_(static_cast<std::size_t>(timeline_.most_outputs())) {
  const auto& chain = config_.chain;
  const bool same_rate = !timeline_.resamples();
  direct_in_ = same_rate && chain.in_ratio() == 1;
  direct_out_ = same_rate && chain.out_ratio() == 1;
  const auto block = static_cast<std::size_t>(config_.block);
  if (!direct_in_) model_in_.resize(in_rows_ * block / static_cast<std::size_t>(chain.in_ratio()));
  if (!direct_out_) {
    model_out_.resize(out_rows_ * block / static_cast<std::size_t>(chain.out_ratio()));
  }
  if (!same_rate && chain.in_ratio() == 1) {
    resampler_in_.emplace(config_.host_rate, config_.model_rate, static_cast<int>(in_rows_));
  }
  if (!same_rate && chain.out_ratio() == 1) {
    resampler_out_.emplace(config_.model_rate, config_.host_rate, static_cast<int>(out_rows_));
  }
  in_pointers_.resize(std::max(in_rows_, out_rows_));
  out_pointers_.resize(std::max(in_rows_, out_rows_));
  previous_.resize(in_rows_);
  silence_.resize(std::max(in_stride_, block));
  discarded_.resize(std::max(out_stride_, block));
}

Result<double> Pipeline::warm_up(bool measure) {
  using Clock = std::chrono::steady_clock;
  const engine::ThreadScope scope;
  const std::vector<float> in(in_rows_ * in_stride_);
  std::vector<float> out(out_rows_ * out_stride_);
  constexpr int kWarmUps = 3;
  constexpr int kMeasured = 8;
  constexpr auto kPatience = std::chrono::seconds(2);
  const auto start = Clock::now();
  auto fastest = Clock::duration::max();
  for (int k = 0; k < kWarmUps + (measure ? kMeasured : 0); ++k) {
    // A model that is slow beyond use is still warmed, but not measured at length.
    if (k > kWarmUps && Clock::now() - start > kPatience) break;
    const auto before = Clock::now();
    if (!run(k, in.data(), out.data())) {
      return fail("'" + config_.chain.name + "' failed on a block of silence (" + last_failure() +
                  ").");
    }
    if (k >= kWarmUps) fastest = std::min(fastest, Clock::now() - before);
  }
  if (auto ready = reset(); !ready) return tl::unexpected(ready.error());
  return measure ? std::chrono::duration<double>(fastest).count() : 0.0;
}

bool Pipeline::run(std::int64_t k, const float* in, float* out) noexcept {
  const float* model_in = to_model(k, in);
  float* model_out = direct_out_ ? out : model_out_.data();
  auto done = run_model(model_in, model_out);
  const std::size_t samples = out_rows_ * static_cast<std::size_t>(config_.block) /
                              static_cast<std::size_t>(config_.chain.out_ratio());
  if (done && !all_finite(model_out, samples)) {
    done = fail("'" + config_.chain.name + "' returned NaN or infinity.");
    // In a recurrent state it would stay for ever, and so would silence.
    if (auto healed = reset_model(); !healed) done = tl::unexpected(healed.error());
  }
  if (!done) std::fill(model_out, model_out + samples, 0.0F);
  to_host(k, out);
  const auto frames = static_cast<int>(timeline_.outputs_ready(k + 1) - timeline_.outputs_ready(k));
  if (done && resampler_out_) {
    // The filter overshoots, beyond the largest number if need be.
    for (std::size_t row = 0; row < out_rows_ && done; ++row) {
      if (!all_finite(out + row * out_stride_, static_cast<std::size_t>(frames))) {
        done = fail("'" + config_.chain.name + "' returned values too large to be resampled.");
      }
    }
  }
  if (!done) note_failure(std::move(done.error().message));
  unsound_ = std::min(unsound_left_, frames);
  unsound_left_ = done ? unsound_left_ - unsound_ : std::max(unsound_left_, reach_of_failure());
  return done.has_value();
}

/// Output frames after those of a failed job that hear its silence: the filter's whole length.
int Pipeline::reach_of_failure() const noexcept {
  if (!resampler_out_) return 0;
  return 2 * static_cast<int>(rate::ceil_scaled(resampler_out_->half_length(), config_.host_rate,
                                                config_.model_rate)) +
         2;
}

/// The same of a job that was passed over: the silence that stood in for its input as well.
int Pipeline::reach_of_loss() const noexcept {
  return reach_of_failure() + (resampler_in_ ? 2 * resampler_in_->half_length() + 2 : 0);
}

Result<void> Pipeline::run_model(const float* in, float* out) noexcept {
  const auto block = static_cast<std::size_t>(config_.block);
  const auto& chain = config_.chain;
  const auto inputs =
      in_rows_ * block / static_cast<std::size_t>(chain.in_ratio()) / instances_.size();
  const auto outputs =
      out_rows_ * block / static_cast<std::size_t>(chain.out_ratio()) / instances_.size();
  for (std::size_t item = 0; item < instances_.size(); ++item) {
    auto done = instances_[item]->run(in + item * inputs, out + item * outputs);
    if (!done) return done;
  }
  return {};
}

/// The model's input for job k, `[rows, block / in_ratio]`.
const float* Pipeline::to_model(std::int64_t k, const float* in) noexcept {
  if (direct_in_) return in;
  const auto steps = static_cast<std::size_t>(config_.block / config_.chain.in_ratio());
  const std::int64_t begin = timeline_.inputs_needed(k - 1);
  const auto frames = static_cast<int>(timeline_.inputs_needed(k) - begin);
  if (resampler_in_) {
    for (std::size_t row = 0; row < in_rows_; ++row) in_pointers_[row] = in + row * in_stride_;
    resample_in(in_pointers_.data(), frames);
    return model_in_.data();
  }
  if (!timeline_.resamples()) {
    const auto ratio = static_cast<std::size_t>(config_.chain.in_ratio());
    rate::keep_last(in, in_rows_ * steps, ratio, model_in_.data());
    return model_in_.data();
  }
  for (std::size_t step = 0; step < steps; ++step) {
    const auto index = k * static_cast<std::int64_t>(steps) + static_cast<std::int64_t>(step);
    const auto frame = timeline_.last_host_frame(index, config_.chain.in_ratio()) - begin;
    for (std::size_t row = 0; row < in_rows_; ++row) {
      // When the latent runs faster than the host, a step may still be at the frame before this
      // job.
      model_in_[row * steps + step] =
          frame < 0 ? previous_[row] : in[row * in_stride_ + static_cast<std::size_t>(frame)];
    }
  }
  if (frames > 0) {
    for (std::size_t row = 0; row < in_rows_; ++row) {
      previous_[row] = in[row * in_stride_ + static_cast<std::size_t>(frames - 1)];
    }
  }
  return model_in_.data();
}

void Pipeline::resample_in(const float* const* in, int frames) noexcept {
  for (std::size_t row = 0; row < in_rows_; ++row) {
    out_pointers_[row] = model_in_.data() + row * static_cast<std::size_t>(config_.block);
  }
  resampler_in_->process(in, frames, out_pointers_.data(), config_.block);
}

/// The host's frames of job k from the model's output.
void Pipeline::to_host(std::int64_t k, float* out) noexcept {
  if (direct_out_) return;
  const std::int64_t begin = timeline_.outputs_ready(k);
  const auto frames = static_cast<std::size_t>(timeline_.outputs_ready(k + 1) - begin);
  const auto ratio = static_cast<std::size_t>(config_.chain.out_ratio());
  const auto steps = static_cast<std::size_t>(config_.block) / ratio;
  if (resampler_out_) {
    for (std::size_t row = 0; row < out_rows_; ++row) {
      in_pointers_[row] = model_out_.data() + row * steps;
      out_pointers_[row] = out + row * out_stride_;
    }
    resampler_out_->process(in_pointers_.data(), config_.block, out_pointers_.data(),
                            static_cast<int>(frames));
    return;
  }
  if (!timeline_.resamples()) {
    rate::hold(model_out_.data(), out_rows_ * steps, ratio, out);
    return;
  }
  for (std::size_t frame = 0; frame < frames; ++frame) {
    const auto step = static_cast<std::size_t>(
        timeline_.step_at(begin + static_cast<std::int64_t>(frame), config_.chain.out_ratio()) -
        k * static_cast<std::int64_t>(steps));
    for (std::size_t row = 0; row < out_rows_; ++row) {
      out[row * out_stride_ + frame] = model_out_[row * steps + step];
    }
  }
}

void Pipeline::skip(std::int64_t k) noexcept {
  unsound_left_ = reach_of_loss();
  std::fill(previous_.begin(), previous_.end(), 0.0F);
  // The resamplers must see every job, or the time axes would part.
  if (resampler_in_) {
    std::fill(in_pointers_.begin(), in_pointers_.end(), silence_.data());
    resample_in(in_pointers_.data(),
                static_cast<int>(timeline_.inputs_needed(k) - timeline_.inputs_needed(k - 1)));
  }
  if (resampler_out_) {
    std::fill(in_pointers_.begin(), in_pointers_.end(), silence_.data());
    std::fill(out_pointers_.begin(), out_pointers_.end(), discarded_.data());
    resampler_out_->process(
        in_pointers_.data(), config_.block, out_pointers_.data(),
        static_cast<int>(timeline_.outputs_ready(k + 1) - timeline_.outputs_ready(k)));
  }
}

Result<void> Pipeline::reset() noexcept {
  std::fill(previous_.begin(), previous_.end(), 0.0F);
  if (resampler_in_) resampler_in_->reset();
  if (resampler_out_) resampler_out_->reset();
  unsound_ = 0;
  unsound_left_ = 0;
  {
    const std::lock_guard lock(failure_mutex_);
    last_failure_.clear();
  }
  return reset_model();
}

Result<void> Pipeline::reset_model() noexcept {
  for (const auto& instance : instances_) {
    if (auto done = instance->reset(); !done) return done;
  }
  return apply_settings();
}

Result<void> Pipeline::apply_settings() noexcept {
  for (const auto& instance : instances_) {
    for (const auto& [attribute, values] : settings_) {
      if (auto done = instance->set(attribute, values); !done) return done;
    }
  }
  return {};
}

Result<void> Pipeline::set(const std::string& attribute,
                           const std::vector<Value>& values) noexcept {
  // Several are copies of one model with one history, so they take or refuse a value alike.
  for (const auto& instance : instances_) {
    if (auto done = instance->set(attribute, values); !done) return done;
  }
  remember(settings_, attribute, values);
  return {};
}

Result<std::vector<Value>> Pipeline::get(const std::string& attribute) noexcept {
  return instances_.front()->get(attribute);
}

std::string Pipeline::last_failure() const {
  const std::lock_guard lock(failure_mutex_);
  return last_failure_;
}

void Pipeline::note_failure(std::string message) noexcept {
  const std::lock_guard lock(failure_mutex_);
  last_failure_ = std::move(message);
}

}  // namespace nnbridge
