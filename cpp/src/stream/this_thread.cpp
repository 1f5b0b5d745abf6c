// SPDX-License-Identifier: MIT
#include "stream/this_thread.hpp"

#if defined(_WIN32)
#define NOMINMAX
#include <windows.h>

#include <string>
#else
#include <pthread.h>
#include <sched.h>
#endif
#if defined(__APPLE__)
#include <pthread/qos.h>
#endif

namespace nnbridge {

void raise_priority_of_this_thread() noexcept {
#if defined(_WIN32)
  SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_TIME_CRITICAL);
#elif defined(__APPLE__)
  pthread_set_qos_class_self_np(QOS_CLASS_USER_INTERACTIVE, 0);
#else
  // Below the audio thread of JACK and PipeWire (which sit at 60 and above), above all else.
#if defined(SCHED_RESET_ON_FORK)
  const int policy = SCHED_FIFO | SCHED_RESET_ON_FORK;  // what a model's host forks is no audio
#else
  const int policy = SCHED_FIFO;
#endif
  sched_param parameters{};
  parameters.sched_priority = 50;
  pthread_setschedparam(pthread_self(), policy, &parameters);
#endif
}

void name_this_thread(const char* name) noexcept {
#if defined(_WIN32)
  const std::wstring wide(name, name + std::char_traits<char>::length(name));
  SetThreadDescription(GetCurrentThread(), wide.c_str());
#elif defined(__APPLE__)
  pthread_setname_np(name);
#else
  pthread_setname_np(pthread_self(), name);
#endif
}

}  // namespace nnbridge
