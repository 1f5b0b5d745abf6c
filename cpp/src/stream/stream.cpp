// SPDX-License-Identifier: MIT
#include "nnbridge/stream.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "guarded.hpp"
#include "model_impl.hpp"
#include "stream/lane.hpp"

namespace nnbridge {
namespace {

constexpr double kCrossfadeSeconds = 0.01;

/// Most channels that a host may hand over: pointers to them are kept on the audio thread's stack.
constexpr int kMostChannels = 4096;

}  // namespace

class Stream::Impl {
 public:
  explicit Impl(std::shared_ptr<Lane> lane)
      : playing_(lane.get()),
        lanes_{lane},
        target_(std::move(lane)),
        fade_frames_(
            std::max(1, static_cast<int>(kCrossfadeSeconds * *target_->config().sample_rate))) {}

  // [audio]
  void process(const float* const* in, int in_count, float* const* out, int out_count,
               int frames) noexcept {
    in_count = std::clamp(in_count, 0, kMostChannels);
    out_count = std::clamp(out_count, 0, kMostChannels);
    const int most = playing_->config().host_block;
    if (frames <= most) return process_piece(in, in_count, out, out_count, frames);
    std::array<const float*, kMostChannels> in_piece;
    std::array<float*, kMostChannels> out_piece;
    for (int done = 0; done < frames; done += most) {
      const int piece = std::min(most, frames - done);
      for (int i = 0; i < in_count; ++i) in_piece[static_cast<std::size_t>(i)] = in[i] + done;
      for (int i = 0; i < out_count; ++i) out_piece[static_cast<std::size_t>(i)] = out[i] + done;
      process_piece(in_piece.data(), in_count, out_piece.data(), out_count, piece);
    }
  }

  // [control]
  /// Runs `use` on the lane that is heard, or about to be.
  template <class Use>
  auto with_target(Use use) {
    const std::lock_guard lock(mutex_);
    return use(*target_);
  }

  Result<void> swap(const Model& model, const StreamConfig& config) {
    const StreamConfig now = with_target([](Lane& lane) { return lane.config(); });
    StreamConfig wanted = config;
    if (!wanted.sample_rate) wanted.sample_rate = now.sample_rate;
    if (wanted.sample_rate != now.sample_rate || wanted.host_block != now.host_block ||
        wanted.fixed_host_block != now.fixed_host_block || wanted.realtime != now.realtime ||
        wanted.batch != now.batch) {
      return fail(
          "A swap keeps the host's sample rate, block, batch and mode: prepare a new stream to "
          "change them.");
    }
    // Outside the lock: opening and warming up take their time, and nobody else need wait for it.
    auto lane = Lane::create(model.impl_->program, settings_of(model), wanted);
    if (!lane) return tl::unexpected(lane.error());
    Lanes gone;  // ended after the lock is released: that may take an inference
    const std::lock_guard lock(mutex_);
    take_retired(gone);
    target_ = std::move(*lane);
    lanes_.push_back(target_);
    // One that waited and was never taken up is simply replaced.
    Lane* const unheard = pending_.exchange(target_.get(), std::memory_order_acq_rel);
    if (unheard) take(unheard, gone);
    return {};
  }

  bool settled() {
    Lanes gone;
    const std::lock_guard lock(mutex_);
    take_retired(gone);
    return lanes_.size() == 1;
  }

  /// Of the lane that is heard, or about to be; what waits counts for the one that fades out too.
  Stats stats() {
    const std::lock_guard lock(mutex_);
    auto stats = target_->stats();
    for (const auto& lane : lanes_) {
      if (lane != target_) stats.pending += lane->stats().pending;
    }
    return stats;
  }

  void reset() {
    Lanes gone;
    std::shared_ptr<Lane> left;
    {
      const std::lock_guard lock(mutex_);
      // Audio is stopped, so a swap under way is over now.
      pending_.store(nullptr, std::memory_order_relaxed);
      incoming_ = nullptr;
      playing_ = target_.get();
      Lane* retired = nullptr;
      while (retired_.try_dequeue(retired)) {
      }
      left = target_;
      gone = std::exchange(lanes_, {left});
    }
    // Outside the lock: an inference in flight takes its time, and nobody else need wait for it.
    gone.clear();
    left->reset();
  }

  static Settings settings_of(const Model& model) {
    const std::lock_guard lock(model.impl_->mutex);
    return model.impl_->settings;
  }

 private:
  void process_piece(const float* const* in, int in_count, float* const* out, int out_count,
                     int frames) noexcept {
    if (!incoming_) {
      incoming_ = pending_.exchange(nullptr, std::memory_order_acq_rel);
      faded_ = 0;
    }
    // All input is taken before any output is given: they may share memory.
    playing_->push(in, in_count, frames);
    if (incoming_) incoming_->push(in, in_count, frames);
    clear_beyond(playing_->out_rows(), out, out_count, frames);
    playing_->pull(out, out_count, frames);
    if (incoming_) fade_in(out, out_count, frames);
  }

  void fade_in(float* const* out, int out_count, int frames) noexcept {
    const bool sounding = incoming_->sounding();
    float* const* incoming = incoming_->scratch();
    const int rows = std::min(out_count, incoming_->out_rows());
    incoming_->pull(incoming, incoming_->out_rows(), frames);
    // Its first frames are the silence of its own latency: fade from where it has begun.
    if (!sounding) return;
    for (int row = 0; row < out_count; ++row) {
      for (int i = 0; i < frames; ++i) {
        const float gain =
            std::min(1.0F, static_cast<float>(faded_ + i) / static_cast<float>(fade_frames_));
        const float fresh = row < rows ? incoming[row][i] : 0.0F;
        // At full gain to the bit, wherever in a call the fade ends.
        out[row][i] = gain == 1.0F ? fresh : out[row][i] + gain * (fresh - out[row][i]);
      }
    }
    faded_ += frames;
    // Control frees the old one. Were its queue full, the fade would just end a call later.
    if (faded_ >= fade_frames_ && retired_.try_enqueue(playing_)) {
      playing_ = incoming_;
      incoming_ = nullptr;
    }
  }

  static void clear_beyond(int rows, float* const* out, int out_count, int frames) noexcept {
    for (int row = rows; row < out_count; ++row) {
      std::memset(out[row], 0, static_cast<std::size_t>(frames) * sizeof(float));
    }
  }

  using Lanes = std::vector<std::shared_ptr<Lane>>;

  void take(Lane* lane, Lanes& taken) {
    const auto found = std::find_if(lanes_.begin(), lanes_.end(),
                                    [&](const auto& owned) { return owned.get() == lane; });
    if (found == lanes_.end()) return;
    taken.push_back(std::move(*found));
    lanes_.erase(found);
  }

  void take_retired(Lanes& taken) {
    Lane* lane = nullptr;
    while (retired_.try_dequeue(lane)) take(lane, taken);
  }

  // Audio thread's own.
  Lane* playing_;
  Lane* incoming_ = nullptr;
  int faded_ = 0;

  // Between the threads.
  std::atomic<Lane*> pending_{nullptr};
  moodycamel::ReaderWriterQueue<Lane*> retired_{8};

  // Control threads', under the mutex.
  std::mutex mutex_;
  Lanes lanes_;
  std::shared_ptr<Lane> target_;  // one of them

  int fade_frames_;
};

Stream::Stream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Stream::~Stream() = default;

Result<std::unique_ptr<Stream>> Stream::prepare(const Model& model, const StreamConfig& config) {
  return guarded([&]() -> Result<std::unique_ptr<Stream>> {
    auto lane = Lane::create(model.impl_->program, Impl::settings_of(model), config);
    if (!lane) return tl::unexpected(lane.error());
    return std::unique_ptr<Stream>(new Stream(std::make_unique<Impl>(std::move(*lane))));
  });
}

void Stream::process(const float* const* in, int in_count, float* const* out, int out_count,
                     int frames) noexcept {
  impl_->process(in, in_count, out, out_count, frames);
}

void Stream::reset() { impl_->reset(); }

namespace {

/// Posts a command that answers through a future.
template <class Answer, class Action>
std::future<Answer> post(Lane& lane, Action action) {
  auto promise = std::make_shared<std::promise<Answer>>();
  auto future = promise->get_future();
  lane.post([promise, action = std::move(action)](Pipeline& pipeline) {
    promise->set_value(action(pipeline));
  });
  return future;
}

}  // namespace

std::future<Result<void>> Stream::reset_model() {
  return impl_->with_target([](Lane& lane) {
    return post<Result<void>>(lane, [](Pipeline& pipeline) { return pipeline.reset_model(); });
  });
}

std::future<Result<void>> Stream::set(const std::string& attribute, std::vector<Value> values) {
  return impl_->with_target([&](Lane& lane) {
    return post<Result<void>>(lane, [attribute, values = std::move(values)](Pipeline& pipeline) {
      return pipeline.set(attribute, values);
    });
  });
}

std::future<Result<std::vector<Value>>> Stream::get(const std::string& attribute) {
  return impl_->with_target([&](Lane& lane) {
    return post<Result<std::vector<Value>>>(
        lane, [attribute](Pipeline& pipeline) { return pipeline.get(attribute); });
  });
}

Result<void> Stream::swap(const Model& model, const StreamConfig& config) {
  return guarded([&] { return impl_->swap(model, config); });
}

bool Stream::settled() { return impl_->settled(); }

Latency Stream::latency() const {
  return impl_->with_target([](Lane& lane) { return lane.latency(); });
}

Stats Stream::stats() const { return impl_->stats(); }

StreamConfig Stream::config() const {
  return impl_->with_target([](Lane& lane) { return lane.config(); });
}

int Stream::in_channels() const {
  return impl_->with_target([](Lane& lane) { return lane.in_channels(); });
}

int Stream::out_channels() const {
  return impl_->with_target([](Lane& lane) { return lane.out_channels(); });
}

}  // namespace nnbridge
