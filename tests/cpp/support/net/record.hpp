// SPDX-License-Identifier: MIT
#pragma once

// Between the two halves of the net; see audio_thread_net.hpp.
namespace audio_thread_net {

/// Of each thread. `selector` is what the kernel reads: 1 makes every system call report.
struct ThreadState {
  volatile char selector;
  bool inside;
  bool armed;  // the kernel knows of `selector`
};

/// initial-exec: reading it never allocates, not even for the first time on a thread.
extern thread_local ThreadState thread_state __attribute__((tls_model("initial-exec")));

/// Keeps a violation. `name` is null for a system call.
void record(const char* name, long number, void* caller) noexcept;
void count_wake() noexcept;

/// Has the kernel report the calling thread's system calls; false where it can't.
bool arm_system_calls() noexcept;

/// What a caught call does in turn is not caught again.
class Passing {
 public:
  Passing() noexcept : selector_(thread_state.selector), inside_(thread_state.inside) {
    thread_state.selector = 0;
    thread_state.inside = false;
  }
  ~Passing() {
    thread_state.inside = inside_;
    thread_state.selector = selector_;
  }
  Passing(const Passing&) = delete;
  Passing& operator=(const Passing&) = delete;

 private:
  char selector_;
  bool inside_;
};

}  // namespace audio_thread_net
