// SPDX-License-Identifier: MIT
#include "player/control_thread.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>

#include "engine/engine.hpp"

namespace nnbridge {

ControlThread& ControlThread::get() {
  static auto* thread = new ControlThread;  // never destroyed: players may outlive statics
  return *thread;
}

void ControlThread::add(std::shared_ptr<Tended> tended) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  tended_.push_back(std::move(tended));
  woken_ = true;
  changed_.notify_one();
  if (!thread_.joinable()) {
    engine::prepare_runtime();
    thread_ = std::thread([this] { loop(); });
    std::atexit([] { get().stop(); });
  }
}

void ControlThread::remove(std::shared_ptr<Tended> tended) {
  const std::lock_guard lock(mutex_);
  std::erase(tended_, tended);
  leaving_.push_back(std::move(tended));
  woken_ = true;
  changed_.notify_one();
}

void ControlThread::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_one();
}

void ControlThread::stop_before_what_exists_now() {
  // After the first few models of a process there is nothing new to come.
  constexpr int kEnough = 8;
  static std::atomic<int> registered{0};
  if (registered.fetch_add(1) < kEnough) std::atexit([] { get().stop(); });
}

void ControlThread::loop() {
  constexpr auto kPeriod = std::chrono::milliseconds(5);
  std::vector<std::shared_ptr<Tended>> now;
  std::vector<std::shared_ptr<Tended>> gone;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      const auto due = [this] { return woken_ || stopping_; };
      if (tended_.empty()) {
        changed_.wait(lock, due);
      } else {
        changed_.wait_for(lock, kPeriod, due);
      }
      if (stopping_) return;
      woken_ = false;
      now = tended_;
      gone.swap(leaving_);
    }
    gone.clear();
    for (const auto& tended : now) {
      {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
      }
      tended->tend();
    }
    now.clear();
  }
}

void ControlThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace nnbridge
