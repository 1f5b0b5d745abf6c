// SPDX-License-Identifier: MIT
#pragma once

// A net under the audio thread (Linux). Link it, or LD_PRELOAD it into a host; between `enter` and
// `leave` it records whatever the calling thread does that an audio thread must not do:
//
//   1. calls by name: allocating, freeing, locking, waiting, sleeping, files, sockets, the console.
//      Whoever makes them, our code, the standard library or a host's, they come through here.
//   2. on x86-64 every system call, whatever its name and also from inline assembly: the kernel
//      reports them (syscall user dispatch, Linux 5.11 and later).
//
// Forbidden calls are carried out all the same. Waking a thread (sem_post, and the futex wake under
// it) is allowed, and counted. Clocks are read through the vDSO and are no system calls.
//
// With AUDIO_THREAD_NET_REPORT=<file>, what was caught is written there when the process exits, one
// line each: for hosts that can't ask.
extern "C" {

/// The calling thread enters its audio callback, and leaves it. Not nested.
void audio_thread_net_enter() noexcept;
void audio_thread_net_leave() noexcept;

/// What was caught on all threads since the last `reset`, and the name of each ("malloc",
/// "system call 39"), in order; the first 256 are kept.
int audio_thread_net_violations() noexcept;
const char* audio_thread_net_violation(int index) noexcept;

/// The code that made the call, "library(function)+offset" as far as it is known.
const char* audio_thread_net_caller(int index) noexcept;

/// Wakes, and passages through `enter`, since the last `reset`.
long audio_thread_net_wakes() noexcept;
long audio_thread_net_passages() noexcept;

/// Whether the second half works here.
bool audio_thread_net_sees_system_calls() noexcept;

void audio_thread_net_reset() noexcept;
}
