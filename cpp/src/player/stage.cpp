// SPDX-License-Identifier: MIT
#include "player/stage.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

namespace nnbridge {
namespace {

constexpr double kFadeSeconds = 0.01;

void silence(float* const* out, int out_count, int frames) noexcept {
  for (int channel = 0; channel < out_count; ++channel) {
    std::memset(out[channel], 0, static_cast<std::size_t>(frames) * sizeof(float));
  }
}

/// Offline only: this thread has time.
void wait_for_worker(const Stream& stream) {
  while (stream.stats().pending > 0) std::this_thread::sleep_for(std::chrono::microseconds(50));
}

}  // namespace

void Stage::process(const float* const* in, int in_count, float* const* out, int out_count,
                    int frames) noexcept {
  calls_.fetch_add(1, std::memory_order_relaxed);
  const bool on = enabled();
  take_up(on);
  const float target = on && !next_.stream ? 1.0F : 0.0F;
  if (!now_.stream || (gain_ == 0.0F && target == 0.0F)) {
    silence(out, out_count, frames);
    restart();  // while nobody hears it
    return;
  }
  if (!used_ && gain_ == 0.0F) rise_after_ = now_.latency;
  used_ = true;
  now_.stream->process(in, in_count, out, out_count, frames);
  if (now_.waits) wait_for_worker(*now_.stream);
  if (gain_ != 1.0F || target != 1.0F) shape(out, out_count, frames, target);
}

/// The next stream, once nothing of the present one is audible.
void Stage::take_up(bool on) noexcept {
  if (!next_.stream) offers_.try_dequeue(next_);
  if (!next_.stream || (now_.stream && gain_ > 0.0F)) return;
  if (now_.stream && now_.stream != next_.stream && !returns_.try_enqueue(now_.stream)) return;
  now_ = next_;
  next_ = {};
  used_ = false;
  gain_ = on && !now_.fade ? 1.0F : 0.0F;
  heard_.store(now_.stream, std::memory_order_release);
}

/// Back to the control side, which resets it and offers it again.
void Stage::let_go() noexcept {
  if (returns_.try_enqueue(now_.stream)) now_ = {};
}

void Stage::shape(float* const* out, int out_count, int frames, float target) noexcept {
  for (int i = 0; i < frames; ++i) {
    if (target > 0.0F && rise_after_ > 0) {
      --rise_after_;
    } else {
      gain_ = target > gain_ ? std::min(target, gain_ + step_) : std::max(target, gain_ - step_);
    }
    for (int channel = 0; channel < out_count; ++channel) out[channel][i] *= gain_;
  }
}

void Stage::restart() noexcept {
  if (!now_.stream || !used_) return;
  if (now_.immediate) {
    now_.stream->reset();
    now_.latency = now_.stream->latency().stream;  // a swap may have changed it
    used_ = false;
  } else {
    let_go();
  }
}

Stream* Stage::returned() {
  Stream* stream = nullptr;
  returns_.try_dequeue(stream);
  return stream;
}

void Stage::install(const Seat& seat, int sample_rate) {
  Seat dropped;
  while (offers_.try_dequeue(dropped)) {
  }
  while (returned()) {
  }
  now_ = seat;
  next_ = {};
  used_ = false;
  gain_ = enabled() ? 1.0F : 0.0F;
  rise_after_ = 0;
  step_ = static_cast<float>(1.0 / std::max(1.0, kFadeSeconds * sample_rate));
  heard_.store(now_.stream, std::memory_order_release);
}

}  // namespace nnbridge
