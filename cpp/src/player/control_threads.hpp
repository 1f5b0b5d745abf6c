// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace nnbridge {

/// Something that has work to be done away from the audio thread. Both functions may be called at
/// the same time.
class Tended {
 public:
  virtual ~Tended() = default;
  /// What takes as long as it takes: files, models.
  virtual void work() noexcept = 0;
  /// What is done in a moment, and not to wait for the work of others.
  virtual void look() noexcept = 0;
};

/// Two threads for all players of the process, one that works and one that looks: at each player
/// when woken, and every few milliseconds, since the audio thread is to wake nobody for what can
/// wait.
///
/// They start with the first player and end in an exit handler, before LibTorch's statics go.
class ControlThreads {
 public:
  static ControlThreads& get();

  /// The first one of the process waits until the runtime is ready.
  void add(std::shared_ptr<Tended> tended);

  /// Tends it no more; if nobody else holds it, it is freed on these threads, whatever that takes.
  void remove(std::shared_ptr<Tended> tended);

  void wake();

  /// Exit handlers run in the opposite order of their registration. LibTorch makes statics at its
  /// first inference, and the first worker registers a handler that stops all workers: to be called
  /// after both, so that these threads, which may be using either, end before they do.
  static void stop_before_what_exists_now();

 private:
  ControlThreads() = default;
  void loop(const char* name, void (Tended::*tend)() noexcept);
  void stop();

  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::vector<std::shared_ptr<Tended>> tended_;
  std::vector<std::shared_ptr<Tended>> leaving_;
  std::uint64_t woken_ = 0;  // how often
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace nnbridge
