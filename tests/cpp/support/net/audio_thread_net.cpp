// SPDX-License-Identifier: MIT
#include "audio_thread_net.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "record.hpp"

namespace audio_thread_net {

thread_local ThreadState thread_state;

namespace {

constexpr int kKept = 256;
constexpr int kNameLength = 192;

struct Violation {
  const char* name;
  long number;
  void* caller;
};

Violation violations[kKept];
std::atomic<int> caught{0};
std::atomic<long> wakes{0};
std::atomic<long> passages{0};
std::atomic<bool> sees_system_calls{true};

}  // namespace

void record(const char* name, long number, void* caller) noexcept {
  const int index = caught.fetch_add(1, std::memory_order_acq_rel);
  if (index < kKept) violations[index] = {name, number, caller};
}

void count_wake() noexcept { wakes.fetch_add(1, std::memory_order_relaxed); }

namespace {

__attribute__((destructor)) void report() {
  const char* path = std::getenv("AUDIO_THREAD_NET_REPORT");
  if (!path) return;
  std::FILE* file = std::fopen(path, "a");
  if (!file) return;
  std::fprintf(file, "passages %ld\nwakes %ld\nviolations %d\n", audio_thread_net_passages(),
               audio_thread_net_wakes(), audio_thread_net_violations());
  for (int i = 0; i < std::min(audio_thread_net_violations(), kKept); ++i) {
    std::fprintf(file, "%s from %s\n", audio_thread_net_violation(i), audio_thread_net_caller(i));
  }
  std::fclose(file);
}

}  // namespace
}  // namespace audio_thread_net

using namespace audio_thread_net;

#pragma GCC visibility push(default)

void audio_thread_net_enter() noexcept {
  if (!thread_state.armed) {
    thread_state.armed = true;
    if (!arm_system_calls()) sees_system_calls.store(false, std::memory_order_relaxed);
  }
  passages.fetch_add(1, std::memory_order_relaxed);
  thread_state.inside = true;
  thread_state.selector = 1;
}

void audio_thread_net_leave() noexcept {
  thread_state.selector = 0;
  thread_state.inside = false;
}

int audio_thread_net_violations() noexcept { return caught.load(std::memory_order_acquire); }

const char* audio_thread_net_violation(int index) noexcept {
  static thread_local char text[kNameLength];
  if (index < 0 || index >= std::min(audio_thread_net_violations(), kKept)) return "";
  const auto& violation = violations[index];
  if (violation.name) return violation.name;
  std::snprintf(text, sizeof text, "system call %ld", violation.number);
  return text;
}

const char* audio_thread_net_caller(int index) noexcept {
  static thread_local char text[kNameLength];
  if (index < 0 || index >= std::min(audio_thread_net_violations(), kKept)) return "";
  Dl_info info{};
  void* caller = violations[index].caller;
  if (dladdr(caller, &info) == 0) return "unknown code";
  const char* symbol = info.dli_sname ? info.dli_sname : "";
  const char* base = static_cast<const char*>(info.dli_sname ? info.dli_saddr : info.dli_fbase);
  std::snprintf(text, sizeof text, "%s(%s)+0x%lx", info.dli_fname, symbol,
                static_cast<unsigned long>(static_cast<const char*>(caller) - base));
  return text;
}

long audio_thread_net_wakes() noexcept { return wakes.load(std::memory_order_relaxed); }
long audio_thread_net_passages() noexcept { return passages.load(std::memory_order_relaxed); }

bool audio_thread_net_sees_system_calls() noexcept {
  audio_thread_net_enter();
  audio_thread_net_leave();
  passages.fetch_sub(1, std::memory_order_relaxed);
  return sees_system_calls.load(std::memory_order_relaxed);
}

void audio_thread_net_reset() noexcept {
  caught.store(0, std::memory_order_release);
  wakes.store(0, std::memory_order_relaxed);
  passages.store(0, std::memory_order_relaxed);
}

#pragma GCC visibility pop
