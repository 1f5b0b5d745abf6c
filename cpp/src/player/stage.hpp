// SPDX-License-Identifier: MIT
#pragma once

#include <readerwriterqueue/readerwriterqueue.h>

#include <atomic>
#include <cstdint>
#include <optional>

#include "nnbridge/stream.hpp"

namespace nnbridge {

/// A stream on its way to the audio thread. The control side owns it throughout.
struct Seat {
  Stream* stream = nullptr;
  int latency = 0;         ///< frames of silence before it sounds
  bool waits = false;      ///< `process` waits until the worker has done everything
  bool immediate = false;  ///< the audio thread may reset it itself
  bool fade = false;       ///< fade in, because audio is under way
};

/// The audio thread's side of a player: which stream is heard, and the fades between streams and
/// silence.
class Stage {
 public:
  // [audio]
  void process(const float* const* in, int in_count, float* const* out, int out_count,
               int frames) noexcept;
  void restart() noexcept;

  // [control, one thread at a time]
  /// To be taken up when what is heard has faded out.
  void offer(const Seat& seat) { offers_.enqueue(seat); }
  /// A stream that the audio thread has let go: one that was replaced, or one to be reset and
  /// offered again.
  Stream* returned();
  /// Counts the calls of `process`.
  std::int64_t calls() const noexcept { return calls_.load(std::memory_order_relaxed); }
  /// What `process` has taken up last.
  const Stream* heard() const noexcept { return heard_.load(std::memory_order_acquire); }
  /// [audio stopped] Plays this one and nothing else from the next call on.
  void install(const Seat& seat, int sample_rate);

  // Any thread.
  void enable(bool on) noexcept { enabled_.store(on, std::memory_order_relaxed); }
  bool enabled() const noexcept { return enabled_.load(std::memory_order_relaxed); }

 private:
  void take_up(bool on) noexcept;
  void let_go() noexcept;
  void shape(float* const* out, int out_count, int frames, float target) noexcept;

  // Audio thread's own.
  Seat now_;
  Seat next_;
  bool used_ = false;  // it has taken audio since it was last reset
  float gain_ = 1.0F;
  int rise_after_ = 0;   // frames until it may become audible
  float step_ = 0.002F;  // of the gain, each frame

  // Between the threads.
  moodycamel::ReaderWriterQueue<Seat> offers_{8};
  moodycamel::ReaderWriterQueue<Stream*> returns_{8};
  std::atomic<const Stream*> heard_{nullptr};
  std::atomic<std::int64_t> calls_{0};
  std::atomic<bool> enabled_{true};
};

}  // namespace nnbridge
