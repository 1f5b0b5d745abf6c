// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace nnbridge {

/// Something that has work to be done away from the audio thread.
class Tended {
 public:
  virtual ~Tended() = default;
  virtual void tend() noexcept = 0;
};

/// One thread for all players of the process: it tends each of them when woken, and every few
/// milliseconds, since the audio thread is to wake nobody for what can wait.
///
/// It starts with the first player and ends in an exit handler, before LibTorch's statics go.
class ControlThread {
 public:
  static ControlThread& get();

  /// The first one of the process waits until the runtime is ready.
  void add(std::shared_ptr<Tended> tended);

  /// Tends it no more; if nobody else holds it, it is freed on this thread, whatever that takes.
  void remove(std::shared_ptr<Tended> tended);

  void wake();

  /// Exit handlers run in the opposite order of their registration. LibTorch makes statics at its
  /// first inference, and the first worker registers a handler that stops all workers: to be called
  /// after both, so that this thread, which may be using either, ends before they do.
  static void stop_before_what_exists_now();

 private:
  ControlThread() = default;
  void loop();
  void stop();

  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::vector<std::shared_ptr<Tended>> tended_;
  std::vector<std::shared_ptr<Tended>> leaving_;
  bool woken_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace nnbridge
