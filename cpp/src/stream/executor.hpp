// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <functional>
#include <thread>
#include <utility>

#include "engine/engine.hpp"

namespace nnbridge {

/// Where a lane's work is done: `body`, which it was made with, runs on one thread at a time.
class Executor {
 public:
  virtual ~Executor() = default;

  /// There is work: `body` is run, once for every call or once for several that came together.
  virtual void wake() noexcept = 0;

  /// Whether `body` should return early.
  virtual bool stopping() const noexcept = 0;

  /// Waits for `body` to return; it is not run again. Harmless when called twice.
  virtual void stop() = 0;
};

/// On the thread that wakes it, before `wake` returns.
class Inline final : public Executor {
 public:
  explicit Inline(std::function<void()> body) : body_(std::move(body)) {}

  void wake() noexcept override {
    while (busy_.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
    {
      const engine::ThreadScope scope;
      body_();
    }
    busy_.clear(std::memory_order_release);
  }

  bool stopping() const noexcept override { return false; }
  void stop() override {}

 private:
  std::function<void()> body_;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
};

}  // namespace nnbridge
