// SPDX-License-Identifier: MIT
#pragma once

#include <readerwriterqueue/atomicops.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

namespace nnbridge {

/// One persistent thread that sleeps until woken, at raised priority where the system allows.
///
/// A process may exit while workers run a model. LibTorch's own statics would then be destroyed
/// under them, so workers still alive are stopped by an exit handler. It is registered with the
/// first worker, after the first inference, and so runs before those statics go.
class Worker {
 public:
  /// `body` is called once for every wake-up, or once for several that came together.
  explicit Worker(std::function<void()> body);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// [audio] The one system call that the audio thread makes.
  void wake() noexcept { semaphore_.signal(); }

  /// Whether `body` should return early.
  bool stopping() const noexcept { return stopping_.load(std::memory_order_relaxed); }

  /// Waits for `body` to return, and ends the thread. Harmless when called twice.
  void stop();

  /// The same, for the exit handler, which keeps the list of workers itself.
  void join();

 private:
  void loop();

  std::function<void()> body_;
  moodycamel::spsc_sema::Semaphore semaphore_;
  std::atomic<bool> stopping_{false};
  std::mutex join_mutex_;  // the exit handler and the owner may both come to join
  std::thread thread_;
};

}  // namespace nnbridge
