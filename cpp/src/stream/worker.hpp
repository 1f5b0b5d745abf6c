// SPDX-License-Identifier: MIT
#pragma once

#include <readerwriterqueue/atomicops.h>

#include <atomic>
#include <functional>
#include <latch>
#include <mutex>
#include <thread>

#include "stream/executor.hpp"

namespace nnbridge {

/// On a persistent thread that sleeps until woken, at raised priority where the system allows.
///
/// A process may exit while workers run a model. LibTorch's own statics would then be destroyed
/// under them, so workers still alive are stopped by an exit handler. It is registered with the
/// first worker, after the first inference, and so runs before those statics go.
class Worker final : public Executor {
 public:
  /// Waits until the thread is there: on a busy machine the first blocks would come late else.
  explicit Worker(std::function<void()> body);
  ~Worker() override;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// [audio] The one system call that the audio thread makes.
  void wake() noexcept override { semaphore_.signal(); }

  bool stopping() const noexcept override { return stopping_.load(std::memory_order_relaxed); }

  void stop() override;

  /// `stop` for the exit handler, which keeps the list of workers itself.
  void join();

 private:
  void loop();

  std::function<void()> body_;
  moodycamel::spsc_sema::Semaphore semaphore_;
  std::atomic<bool> stopping_{false};
  std::latch ready_{1};
  std::mutex join_mutex_;  // the exit handler and the owner may both come to join
  std::thread thread_;
};

}  // namespace nnbridge
