// SPDX-License-Identifier: MIT
#include "stream/worker.hpp"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <utility>
#include <vector>

#include "engine/engine.hpp"
#include "stream/this_thread.hpp"

namespace nnbridge {
namespace {

/// The workers alive, for the exit handler. Never destroyed: streams may outlive statics.
struct Registry {
  std::mutex mutex;
  std::vector<Worker*> workers;

  static Registry& get() {
    static Registry& registry = *new Registry;
    return registry;
  }
};

/// Under the lock all the while: an owner that ends a worker meanwhile waits until this is done.
void stop_all() {
  const std::lock_guard lock(Registry::get().mutex);
  for (Worker* worker : Registry::get().workers) worker->join();
  Registry::get().workers.clear();
}

}  // namespace

Worker::Worker(std::function<void()> body) : body_(std::move(body)), thread_([this] { loop(); }) {
  ready_.wait();
  static std::once_flag once;
  std::call_once(once, [] { std::atexit(stop_all); });
  const std::lock_guard lock(Registry::get().mutex);
  Registry::get().workers.push_back(this);
}

Worker::~Worker() { stop(); }

void Worker::stop() {
  {
    const std::lock_guard lock(Registry::get().mutex);
    std::erase(Registry::get().workers, this);
  }
  join();
}

void Worker::join() {
  stopping_.store(true, std::memory_order_relaxed);
  wake();
  const std::lock_guard lock(join_mutex_);
  if (thread_.joinable()) thread_.join();
}

void Worker::loop() {
  name_this_thread("nnbridge worker");
  raise_priority_of_this_thread();
  const engine::ThreadScope scope;
  ready_.count_down();
  for (;;) {
    while (!semaphore_.wait()) {
      // Interrupted by a signal: wait on.
    }
    if (stopping()) return;
    body_();
  }
}

}  // namespace nnbridge
