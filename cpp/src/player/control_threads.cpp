// SPDX-License-Identifier: MIT
#include "player/control_threads.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>

#include "engine/engine.hpp"
#include "stream/this_thread.hpp"

namespace nnbridge {

ControlThreads& ControlThreads::get() {
  static auto* threads = new ControlThreads;  // never destroyed: players may outlive statics
  return *threads;
}

void ControlThreads::add(std::shared_ptr<Tended> tended) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  tended_.push_back(std::move(tended));
  ++woken_;
  changed_.notify_all();
  if (threads_.empty()) {
    engine::prepare_runtime();
    threads_.emplace_back([this] { loop("nnbridge work", &Tended::work); });
    threads_.emplace_back([this] { loop("nnbridge look", &Tended::look); });
    std::atexit([] { get().stop(); });
  }
}

void ControlThreads::remove(std::shared_ptr<Tended> tended) {
  const std::lock_guard lock(mutex_);
  std::erase(tended_, tended);
  leaving_.push_back(std::move(tended));
  ++woken_;
  changed_.notify_all();
}

void ControlThreads::wake() {
  const std::lock_guard lock(mutex_);
  ++woken_;
  changed_.notify_all();
}

void ControlThreads::stop_before_what_exists_now() {
  // After the first few models of a process there is nothing new to come.
  constexpr int kEnough = 8;
  static std::atomic<int> registered{0};
  if (registered.fetch_add(1) < kEnough) std::atexit([] { get().stop(); });
}

void ControlThreads::loop(const char* name, void (Tended::*tend)() noexcept) {
  name_this_thread(name);
  constexpr auto kPeriod = std::chrono::milliseconds(5);
  std::vector<std::shared_ptr<Tended>> now;
  std::vector<std::shared_ptr<Tended>> gone;
  std::uint64_t seen = 0;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      const auto due = [&] { return woken_ != seen || stopping_; };
      if (tended_.empty()) {
        changed_.wait(lock, due);
      } else {
        changed_.wait_for(lock, kPeriod, due);
      }
      if (stopping_) return;
      seen = woken_;
      now = tended_;
      gone.swap(leaving_);
    }
    gone.clear();
    for (const auto& tended : now) {
      {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
      }
      ((*tended).*tend)();
    }
    now.clear();
  }
}

void ControlThreads::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace nnbridge
